/** A colour for each category: the same on the map, in lists and in charts, and between visits. */
export function hash(text: string): number {
  let h = 2166136261;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  return h >>> 0;
}

/** Hue 0…1, saturation and lightness as shares. Categories of one collection count up, so neighbours get far hues. */
function hsl(id: string | null): [number, number, number] {
  if (!id) return [0, 0, 0.55];
  const tail = Number(/(\d+)$/.exec(id)?.[1] ?? hash(id));
  const hue = (tail * 0.61803398875 + 0.61) % 1;
  return [hue, 0.62 - 0.14 * (tail % 3), 0.5 + 0.06 * ((tail * 7) % 3)];
}

export function colourOf(id: string | null): string {
  const [h, s, l] = hsl(id);
  return `hsl(${Math.round(360 * h)} ${Math.round(100 * s)}% ${Math.round(100 * l)}%)`;
}

/** Red, green, blue, 0…255. */
export function rgbOf(id: string | null): [number, number, number] {
  const [h, s, l] = hsl(id);
  const part = (n: number): number => {
    const k = (n + 12 * h) % 12;
    return Math.round(255 * (l - s * Math.min(l, 1 - l) * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [part(0), part(8), part(4)];
}
