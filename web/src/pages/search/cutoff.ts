/** Where what was meant ends: at the calibrated relevance that the service gives with each result, where it can. */
import type { Found } from '../../api/types';

const MEANT = 0.5; // as sure as not

export function cutOff(results: readonly Found[]): number {
  const last = results.at(-1)?.score ?? 0;
  const told = results.filter((one) => one.relevance !== null);
  if (!told.length) return last;
  const meant = told.filter((one) => (one.relevance ?? 0) >= MEANT);
  const worst = meant.at(-1)?.score;
  return worst === undefined ? Math.min(1, (results[0]?.score ?? 0) + 0.001) : worst;
}
