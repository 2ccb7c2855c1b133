/** Who names categories, by which words, and at what cost. */
import type { CollectionApi } from './collection';
import { request } from './request';
import type { components } from './schema';

type Schemas = components['schemas'];
export type NamingState = Schemas['NamingStateInfo'];
export type Vocabulary = Schemas['VocabularyInfo'];
export type Word = Schemas['WordInfo'];
export type WordPage = Schemas['WordPage'];

const query = (api: CollectionApi) => ({ view: api.view ?? undefined });

export const namingState = (api: CollectionApi) => request<NamingState>('GET', `${api.path}/naming`, { query: query(api) });
export const vocabulary = (api: CollectionApi) => request<Vocabulary>('GET', `${api.path}/vocabulary`, { query: query(api) });
export const setVocabulary = (api: CollectionApi, text: string, replaces: boolean) =>
  request<Vocabulary>('PUT', `${api.path}/vocabulary`, { query: query(api), body: { text, replaces } });
export const words = (
  api: CollectionApi,
  wanted: { find?: string; used?: boolean; own?: boolean; after?: number; limit?: number },
  signal?: AbortSignal,
) => request<WordPage>('GET', `${api.path}/vocabulary/words`, { query: { ...wanted, ...query(api) }, signal });
