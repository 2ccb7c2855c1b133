/** Where results end and the rest begins: the widest gap between scores, if there is a clear one; else all are shown.
 *
 * Scores best first. A gap counts when it is several times as wide as gaps usually are and what stands above it is not
 * nearly everything.
 */
export function cutOff(scores: readonly number[]): number {
  const last = scores.at(-1);
  const best = scores[0];
  if (last === undefined || best === undefined) return 0;
  if (scores.length < 12) return last;
  const usual = (best - last) / (scores.length - 1);
  let widest = 0;
  let at = -1;
  for (let i = 2; i < scores.length * 0.8; i += 1) {
    const gap = (scores[i - 1] ?? 0) - (scores[i] ?? 0);
    if (gap > widest) [widest, at] = [gap, i];
  }
  return at > 0 && widest > 12 * usual ? Math.max(last, (scores[at - 1] ?? last) - widest / 2) : last;
}
