/** What stands above a broad group: at most the first two of its names; how many there are is said beside it. */
import { t } from '../../strings';

const PARTED = ' · ';
const REST = /^\d+ more(?: \(\d+\))?$/;

export function titleOf(label: string): string {
  const names = label.split(PARTED);
  const more = REST.test(names.at(-1) ?? '');
  return t.library.groupTitle(more ? names.slice(0, -1) : names, more);
}
