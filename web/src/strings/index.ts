/** Every text of the page. Another language: a file like en.ts, chosen here. */
import { en } from './en';

export type Strings = typeof en;
export const t: Strings = en;
