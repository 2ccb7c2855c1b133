/** What a view would take, and words for it. */
import type { CollectionApi } from './collection';
import { request } from './request';
import type { components } from './schema';

type Schemas = components['schemas'];
export type ViewEstimate = Schemas['ViewEstimateInfo'];

export const estimateView = (
  api: CollectionApi,
  wanted: { criterion: string; terms: string[]; from_metadata: string | null },
  signal?: AbortSignal,
) => request<ViewEstimate>('POST', `${api.path}/views/estimate`, { body: wanted, signal });
export const describeSome = (api: CollectionApi, view: string, pictures: number, after: number | null, signal?: AbortSignal) =>
  request<Schemas['DescribedInfo']>('POST', `${api.path}/views/descriptions`, { query: { view }, body: { pictures, after }, signal });
export const askTerms = (api: CollectionApi, criterion: string) =>
  request<Schemas['CandidateTerms']>('POST', `${api.path}/views/terms`, { body: { criterion } });
