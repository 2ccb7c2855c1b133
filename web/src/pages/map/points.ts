/** The map's points as the service sends them, in arrays that the graphics card takes. */
import { address, request } from '../../api/request';
import type { CollectionApi } from '../../api/collection';
import type { components } from '../../api/schema';
import { rgbOf } from '../../parts/colour';

type Columns = components['schemas']['MapColumns'];

export interface Points {
  ids: string[];
  /** Number in `categories` of each point. */
  categoryOf: Int32Array;
  categories: (string | null)[];
  flat: Float32Array;
  space: Float32Array;
  ready: boolean;
  edition: number;
}

const PAGE = 50_000;

export async function fetchPoints(api: CollectionApi, signal: AbortSignal): Promise<Points> {
  const pages: Columns[] = [];
  for (let after: number | null = -1; after !== null; ) {
    const page: Columns = await request('GET', address(`${api.path}/map`, { after, limit: PAGE, view: api.view }), { signal });
    pages.push(page);
    after = page.next;
  }
  const n = pages.reduce((sum, page) => sum + page.image_ids.length, 0);
  const points: Points = {
    ids: [],
    categoryOf: new Int32Array(n),
    categories: [],
    flat: new Float32Array(2 * n),
    space: new Float32Array(3 * n),
    ready: pages.every((page) => page.ready),
    edition: pages[0]?.edition ?? 0,
  };
  const numbers = new Map<string | null, number>();
  for (const page of pages) {
    const start = points.ids.length;
    const renamed = page.categories.map((id) => {
      const known = numbers.get(id);
      if (known !== undefined) return known;
      numbers.set(id, points.categories.length);
      return points.categories.push(id) - 1;
    });
    const own = new Int32Array(bytes(page.category_of).buffer);
    for (let i = 0; i < own.length; i += 1) points.categoryOf[start + i] = renamed[own[i] ?? 0] ?? 0;
    points.flat.set(new Float32Array(bytes(page.flat).buffer), 2 * start);
    points.space.set(new Float32Array(bytes(page.space).buffer), 3 * start);
    for (const id of page.image_ids) points.ids.push(id);
  }
  return points;
}

function bytes(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const found = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) found[i] = text.charCodeAt(i);
  return found;
}

/** Red, green, blue and how strongly each point is drawn. `only`: categories to show; null for all. */
export function coloursOf(points: Points, only: ReadonlySet<string> | null, selected: ReadonlySet<string>): Uint8Array {
  const colours = points.categories.map((id) => rgbOf(id));
  const bright = points.categories.map((id) => only === null || only.has(id ?? 'unsorted'));
  const found = new Uint8Array(4 * points.ids.length);
  const some = selected.size > 0;
  for (let i = 0; i < points.ids.length; i += 1) {
    const number = points.categoryOf[i] ?? 0;
    const [r, g, b] = colours[number] ?? [128, 128, 128];
    found[4 * i] = r;
    found[4 * i + 1] = g;
    found[4 * i + 2] = b;
    const chosen = some && selected.has(points.ids[i] ?? '');
    found[4 * i + 3] = chosen ? 255 : !bright[number] ? 14 : some ? 70 : points.categories[number] === null ? 110 : 200;
  }
  return found;
}

export interface Middle {
  id: string | null;
  count: number;
  flat: [number, number];
  space: [number, number, number];
}

/** Where each category lies: the median of its points, which stray ones do not draw away. */
export function middlesOf(points: Points): Middle[] {
  const members: number[][] = points.categories.map(() => []);
  for (let i = 0; i < points.ids.length; i += 1) members[points.categoryOf[i] ?? 0]?.push(i);
  return points.categories
    .map((id, number) => {
      const own = members[number] ?? [];
      const some = own.length > 400 ? own.filter((_, i) => i % Math.ceil(own.length / 400) === 0) : own;
      const median = (all: Float32Array, width: number, axis: number): number => {
        const values = some.map((i) => all[width * i + axis] ?? 0).sort((a, b) => a - b);
        return values[values.length >> 1] ?? 0;
      };
      const flat: [number, number] = [median(points.flat, 2, 0), median(points.flat, 2, 1)];
      const space: [number, number, number] = [median(points.space, 3, 0), median(points.space, 3, 1), median(points.space, 3, 2)];
      return { id, count: own.length, flat, space };
    })
    .filter((one) => one.id !== null)
    .sort((a, b) => b.count - a.count);
}
