/** Filters of a search as they stand in the address, so that they can be sent to somebody. */
import type { Filter } from '../../api/types';
import { router } from '../../state/router.svelte';

export interface Narrowing {
  categories: string[];
  tags: string[];
  month: string; // YYYY-MM
  days: number; // added within so many; 0 for any time
}

const several = (query: URLSearchParams, name: string): string[] => (query.get(name) ?? '').split(',').filter(Boolean);

export const narrowingOf = (query: URLSearchParams): Narrowing => ({
  categories: several(query, 'in'),
  tags: several(query, 'tags'),
  month: /^\d{4}-\d\d$/.test(query.get('month') ?? '') ? (query.get('month') ?? '') : '',
  days: Number(query.get('days')) || 0,
});

export const isNarrowed = (given: Narrowing): boolean => Boolean(given.categories.length || given.tags.length || given.month || given.days);

export function filterOf(given: Narrowing): Filter {
  const filter: Filter = {};
  if (given.categories.length) filter.categories = given.categories;
  if (given.tags.length) filter.tags = given.tags;
  if (given.month) {
    const [year, month] = given.month.split('-').map(Number) as [number, number];
    filter.added_from = Date.UTC(year, month - 1) / 1000;
    filter.added_before = Date.UTC(year, month) / 1000;
  }
  if (given.days) filter.added_from = Math.max(filter.added_from ?? 0, Math.floor(Date.now() / 60_000) * 60 - 86_400 * given.days);
  return filter;
}

/** The same search, narrowed otherwise. */
export function narrow(given: Narrowing): void {
  const query: Record<string, string | undefined> = {};
  for (const name of ['q', 'like', 'unlike', 'by']) query[name] = router.place.query.get(name) ?? undefined;
  query.in = given.categories.join(',');
  query.tags = given.tags.join(',');
  query.month = given.month;
  query.days = given.days ? String(given.days) : '';
  router.go(router.to('search', '', query), { replace: true });
}
