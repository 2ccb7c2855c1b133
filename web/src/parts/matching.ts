/** Search as you type, in any language: case, accents and the order of words do not count. */
const plain = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLocaleLowerCase();

export function matches(label: string, typed: string): boolean {
  const words = plain(typed).split(/\s+/).filter(Boolean);
  if (!words.length) return true;
  const all = plain(label);
  return words.every((word) => all.includes(word));
}
