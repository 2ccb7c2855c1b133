/** What can be asked of one collection, in one view. */
import { address, request } from './request';
import type {
  Attributes,
  Category,
  CategoryList,
  CollectionInfo,
  Drift,
  EditDone,
  EventPage,
  FacetRequest,
  Facets,
  Filter,
  Granularity,
  GroupList,
  Halves,
  ImageDetails,
  Members,
  MosaicList,
  MosaicWidth,
  Plan,
  RunInfo,
  ScheduleInfo,
  SearchAnswer,
  SuggestionPage,
  VersionPage,
  ViewInfo,
  ViewPage,
  ViewRequest,
  WhyInfo,
  WhyName,
} from './types';

export interface Wanted {
  text?: string;
  image_id?: string;
  positives?: { image_id: string }[];
  negatives?: { image_id: string }[];
  min_relevance?: number;
  limit?: number;
  min_score?: number | null;
  filter?: Filter;
  cursor?: string;
}

export class CollectionApi {
  readonly path: string;

  constructor(
    readonly name: string,
    readonly view: string | null,
  ) {
    this.path = `/v1/collections/${encodeURIComponent(name)}`;
  }

  // ---- looking
  info = () => this.#get<CollectionInfo>('');
  categories = () => this.#get<CategoryList>('/categories');
  groups = () => this.#get<GroupList>('/groups');
  category = (id: string) => this.#get<Category>(`/categories/${encodeURIComponent(id)}`);
  members = (category: string, order: 'typical' | 'newest', signal?: AbortSignal) =>
    this.#get<Members>('/members', { category, order, limit: 20_000 }, signal);
  drift = () => this.#get<Drift>('/drift');
  image = (id: string) => this.#get<ImageDetails>(`/images/${encodeURIComponent(id)}`);
  why = (id: string) => this.#get<WhyInfo>(`/images/${encodeURIComponent(id)}/why`);
  whyName = (category: string) => this.#get<WhyName>(`/categories/${category}/name`);
  halves = (category: string) => this.#get<Halves>(`/categories/${category}/halves`);
  events = (after: number, types?: string, limit = 1000) => this.#get<EventPage>('/events', { after, types, limit });
  attributes = (id: string) =>
    request<Attributes>('GET', `${this.path}/views/attributes`, { query: { image_id: id } });

  // ---- searching
  search = (wanted: Wanted, signal?: AbortSignal) =>
    request<SearchAnswer>('POST', `${this.path}/search`, { query: this.#view, body: wanted, signal });
  searchPicture(file: Blob, wanted: Wanted, signal?: AbortSignal): Promise<SearchAnswer> {
    const form = new FormData();
    form.set('file', file);
    form.set('query', JSON.stringify(wanted));
    return request('POST', `${this.path}/search`, { query: this.#view, form, signal });
  }

  facets = (by: FacetRequest['by'], filter: Filter, limit: number, signal?: AbortSignal) =>
    request<Facets>('POST', `${this.path}/facets`, { query: this.#view, body: { by, filter, limit }, signal });

  // ---- correcting
  move = (image_ids: string[], category: string | null, label?: string) =>
    this.#post<EditDone>('/moves', { image_ids, category, label });
  reject = (image_ids: string[]) => this.#post<EditDone>('/rejections', { image_ids });
  merge = (winner: string, losers: string[]) => this.#post<EditDone>('/merges', { winner, losers });
  split = (category: string, image_ids?: string[], label?: string) =>
    this.#post<EditDone>('/splits', { category, image_ids, label });
  edit = (category: string, change: { label?: string | null; locked?: boolean; hidden?: boolean }) =>
    request<EditDone>('PATCH', `${this.path}/categories/${category}`, { query: this.#view, body: change });
  apart = (one: string, other: string) => this.#post<EditDone>('/apart', { one, other });
  /** Without a version: the last run or correction of all; 404 where there is none. */
  undo = (version?: number) =>
    this.#post<EditDone>(version === undefined ? '/undo' : `/versions/${version}/undo`);
  turn = (granularity: Granularity) =>
    request<EditDone>('PATCH', this.path, { query: this.#view, body: { granularity } });
  /** From the collection with all its views, whichever of them is shown. */
  deleteImages = (image_ids: string[]) =>
    request<{ deleted: number }>('POST', `${this.path}/deletions`, { body: { image_ids } });

  // ---- runs
  plan = (signal?: AbortSignal) => this.#get<Plan>('/plan', {}, signal);
  run = (version?: number, steps?: string[]) =>
    this.#post<RunInfo>('/runs', version === undefined ? undefined : { version, steps: steps ?? null });
  versions = (before?: number) => this.#get<VersionPage>('/versions', { before, limit: 50 });
  suggestions = () => this.#get<SuggestionPage>('/suggestions', { limit: 200 });
  accept = (id: number) => this.#post<EditDone>(`/suggestions/${id}/accept`);
  dismiss = (id: number) => this.#post<unknown>(`/suggestions/${id}/dismiss`);
  nameAll = () => this.#post<{ named: number; renamed: number; problems: string[] }>('/name');
  schedule = () => request<ScheduleInfo>('GET', `${this.path}/schedule`);
  setSchedule = (schedule: string | null) =>
    request<ScheduleInfo>('PUT', `${this.path}/schedule`, { body: { schedule } });

  // ---- views
  views = () => request<ViewPage>('GET', `${this.path}/views`);
  createView = (wanted: Partial<ViewRequest> & { name: string }) =>
    request<ViewInfo>('POST', `${this.path}/views`, { body: wanted });
  deleteView = (view: string) =>
    request<{ deleted: number }>('DELETE', `${this.path}/views`, { query: { view } });

  // ---- addresses of files
  thumbnail = (id: string) => address(`${this.path}/images/${encodeURIComponent(id)}/thumbnail`, this.#view);
  original = (id: string) => address(`${this.path}/images/${encodeURIComponent(id)}/original`, this.#view);
  mosaic = (category: string, mark: string, width: MosaicWidth) =>
    address(`${this.path}/categories/${category}/mosaic`, { ...this.#view, width, of: mark });
  mosaics = (categories: string[], marks: string, width: MosaicWidth) => {
    const several = new URLSearchParams(categories.map((id) => ['category', id]));
    return request<MosaicList>('GET', `${address(`${this.path}/mosaics`, { ...this.#view, width, of: marks })}&${several.toString()}`);
  };
  export = (style: string, category?: string) => address(`${this.path}/export`, { ...this.#view, style, category });
  uploads = () => `${this.path}/images`;
  liveEvents = (after: number) => address(`${this.path}/events/live`, { ...this.#view, after });

  get #view(): Record<string, string | undefined> {
    return { view: this.view ?? undefined };
  }

  #get<T>(path: string, query: Record<string, string | number | undefined> = {}, signal?: AbortSignal): Promise<T> {
    return request<T>('GET', this.path + path, { query: { ...query, ...this.#view }, signal });
  }

  #post<T>(path: string, body?: unknown): Promise<T> {
    return request<T>('POST', this.path + path, { query: this.#view, body });
  }
}
