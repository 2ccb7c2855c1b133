import type { PageName } from '../state/router.svelte';
import { t } from '../strings';
import type { IconName } from './Icon.svelte';

export const PAGES: { page: PageName; label: string; icon: IconName }[] = [
  { page: 'library', label: t.nav.library, icon: 'library' },
  { page: 'search', label: t.nav.search, icon: 'search' },
  { page: 'map', label: t.nav.map, icon: 'map' },
  { page: 'runs', label: t.nav.runs, icon: 'runs' },
  { page: 'views', label: t.nav.views, icon: 'views' },
  { page: 'settings', label: t.nav.settings, icon: 'settings' },
];
