/** Names for what the interface sends; the shapes come from its description (`npm run types`). */
import type { components } from './schema';

type Schemas = components['schemas'];

export type Category = Schemas['CategoryInfo'];
export type CategoryList = Schemas['CategoryList'];
export type Facets = Schemas['FacetAnswer'];
export type FacetRequest = Schemas['FacetRequest'];
export type Filter = Partial<Schemas['SearchFilter']>;
export type Group = Schemas['GroupInfo'];
export type GroupList = Schemas['GroupList'];
export type CollectionInfo = Schemas['CollectionInfo'];
export type CollectionPage = Schemas['CollectionPage'];
export type Drift = Schemas['DriftInfo'];
export type EditDone = Schemas['EditDone'];
export type EventInfo = Schemas['EventInfo'];
export type EventPage = Schemas['EventPage'];
export type Found = Schemas['FoundInfo'];
export type SearchAnswer = Schemas['SearchAnswer'];
export type Halves = Schemas['Halves'];
export type ImageDetails = Schemas['ImageDetails'];
export type Members = Schemas['MemberColumns'];
export type Plan = Schemas['PlanInfo'];
export type PlanStep = Schemas['PlanStepInfo'];
export type RunInfo = Schemas['RunInfo'];
export type ScheduleInfo = Schemas['ScheduleInfo'];
export type Suggestion = Schemas['SuggestionInfo'];
export type SuggestionPage = Schemas['SuggestionPage'];
export type Uploaded = Schemas['Uploaded'];
export type VersionPage = Schemas['VersionPage'];
export type VersionInfo = Schemas['VersionInfo'];
export type ViewInfo = Schemas['ViewInfo'];
export type ViewPage = Schemas['ViewPage'];
export type ViewRequest = Schemas['ViewRequest'];
export type WhyInfo = Schemas['WhyInfo'];
export type WhyName = Schemas['WhyNameInfo'];
export type Attributes = Schemas['Attributes'];
export type Granularity = Schemas['CollectionEdit']['granularity'];
