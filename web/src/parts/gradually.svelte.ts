/** Long lists are drawn a screenful first, and the rest while nothing else happens. */
const SCREENFUL = 72;
const STEP = 120;

/** How many of a list are drawn by now; all of them from the start once it has been whole: a way back loses no place. */
export class Gradually {
  static #whole = false;
  shown = $state(Gradually.#whole ? Infinity : SCREENFUL);
  #timer = 0;

  /** Draw more, until `all` are there. Call it in an effect; returns what stops it. */
  grow(all: number): () => void {
    if (this.shown >= all) {
      if (all) Gradually.#whole = true;
      return () => {};
    }
    this.#timer = window.setTimeout(() => (this.shown += STEP), 120);
    return () => clearTimeout(this.#timer);
  }
}
