/** Which categories are not what they got their names for any more; asked for when nothing else is waited for. */
import type { LibraryState } from './library.svelte';

const FIRST = 2500; // milliseconds: the cards and their pictures come before
const AGAIN = 20_000;

class Drift {
  values = $state.raw<ReadonlyMap<string, number>>(new Map());
  #library: LibraryState | null = null;
  #asked = 0;
  #timer = 0;

  /** To be called when the collection was opened or has changed. */
  look(library: LibraryState): void {
    if (library !== this.#library) {
      this.#library = library;
      this.values = new Map();
      this.#asked = 0;
    }
    clearTimeout(this.#timer);
    const wait = Math.max(FIRST, this.#asked + AGAIN - performance.now());
    this.#timer = window.setTimeout(() => void this.#ask(library), this.#asked ? wait : FIRST);
  }

  /** How far a drifting category has moved, as a share of the way to the nearest other; undefined where it stands. */
  of(category: string): number | undefined {
    return this.values.get(category);
  }

  async #ask(library: LibraryState): Promise<void> {
    this.#asked = performance.now();
    const found = await library.api.drift().catch(() => null);
    if (!found || library !== this.#library) return;
    this.values = new Map(Object.entries(found.categories).filter(([, value]) => value >= found.drifting_from));
  }
}

export const drift = new Drift();
