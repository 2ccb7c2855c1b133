/** Which pictures of a list are selected. */
export class Selection {
  ids = $state.raw<ReadonlySet<string>>(new Set());
  size = $derived(this.ids.size);
  #anchor: string | null = null;

  has(id: string): boolean {
    return this.ids.has(id);
  }

  toggle(id: string): void {
    const next = new Set(this.ids);
    if (!next.delete(id)) next.add(id);
    this.ids = next;
    this.#anchor = id;
  }

  /** From the last one toggled to this one. */
  reach(id: string, all: readonly string[]): void {
    const from = this.#anchor === null ? -1 : all.indexOf(this.#anchor);
    const to = all.indexOf(id);
    if (from < 0 || to < 0) return this.toggle(id);
    this.ids = new Set([...this.ids, ...all.slice(Math.min(from, to), Math.max(from, to) + 1)]);
  }

  set(ids: Iterable<string>): void {
    this.ids = new Set(ids);
  }

  clear(): void {
    if (this.ids.size) this.ids = new Set();
    this.#anchor = null;
  }

  /** Forget what is not in the list any more. */
  keep(all: readonly string[]): void {
    if (!this.ids.size) return;
    const there = new Set(all);
    const kept = [...this.ids].filter((id) => there.has(id));
    if (kept.length < this.ids.size) this.ids = new Set(kept);
  }
}
