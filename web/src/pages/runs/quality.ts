/** What the runs of a collection left, in order, with how often people corrected between them. */
import type { VersionInfo } from '../../api/types';

export interface RunNumbers {
  version: number;
  at: number;
  categories: number;
  unsorted: number;
  churn: number;
  corrections: number;
}

const BY_PEOPLE = new Set(['gather', 'reject', 'unite', 'part', 'rename', 'apart']);
const MOST = 60; // more points than that are no line that anybody reads

export function qualityOf(newestFirst: VersionInfo[]): RunNumbers[] {
  const found: RunNumbers[] = [];
  let corrections = 0;
  for (const one of newestFirst.toReversed()) {
    if (BY_PEOPLE.has(one.kind) && one.undone_by === null) corrections += 1;
    if (one.kind !== 'run') continue;
    const { images, categories, unsorted, moved } = one.summary as Record<string, number | undefined>;
    // runs of earlier versions of the service kept no numbers
    if (images !== undefined && categories !== undefined && unsorted !== undefined && moved !== undefined)
      found.push({ version: one.version, at: one.at, categories, unsorted: unsorted / (images || 1), churn: moved / (images || 1), corrections });
    corrections = 0;
  }
  return found.slice(-MOST);
}
