/** Pictures of many categories in a few requests: asked for one by one, dozens of them take most of the time of a visit. */
import type { CollectionApi } from '../api/collection';
import type { Category, MosaicWidth } from '../api/types';
import { hash } from './colour';

const AT_ONCE = 16; // so that the first ones are there soon

interface Wanted {
  api: CollectionApi;
  id: string;
  mark: string;
  got: (source: string | null) => void;
}
let wanted: Wanted[] = [];

/** Changes with what the picture of a category shows: its address may then be kept for a day. */
export function markOf(category: Category): string {
  return `${hash(category.exemplars.slice(0, 5).join('\n')).toString(36)}-${Math.min(category.size, 5)}`;
}

/** The picture of a category, asked for together with those of others that are wanted in the same moment. */
export function pictureOf(api: CollectionApi, id: string, mark: string): Promise<string | null> {
  return new Promise((got) => {
    if (!wanted.length) queueMicrotask(ask);
    wanted.push({ api, id, mark, got });
    if (wanted.length === AT_ONCE) ask();
  });
}

function ask(): void {
  const some = wanted;
  wanted = [];
  const first = some[0];
  if (!first) return;
  const width: MosaicWidth = window.devicePixelRatio > 1.2 || window.innerWidth <= 1120 ? 512 : 336;
  const marks = hash(some.map((one) => one.mark).join()).toString(36);
  first.api.mosaics(some.map((one) => one.id), marks, width).then(
    ({ mosaics }) => {
      for (const one of some) {
        const data = mosaics[one.id];
        one.got(data === undefined ? null : `data:image/jpeg;base64,${data}`);
      }
    },
    () => some.forEach((one) => one.got(null)),
  );
}
