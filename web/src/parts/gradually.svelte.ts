/** Long lists are drawn a screenful first, and the rest when that has its pictures, or as soon as somebody moves. */
export const SCREENFUL = 64;
const STEP = 150;
const PAUSE = 1200; // milliseconds; pictures come first
const MOVES = ['scroll', 'keydown', 'pointerdown'] as const;

/** How many of a list are drawn by now; all of them from the start once it has been whole: a way back loses no place. */
export class Gradually {
  static #whole = false;
  shown = $state(Gradually.#whole ? Infinity : SCREENFUL);

  /** Draw more, until `all` are there. Call it in an effect; returns what stops it. */
  grow(all: number): () => void {
    if (this.shown >= all) {
      if (all) Gradually.#whole = true;
      return () => {};
    }
    const more = (): void => {
      stop();
      this.shown += STEP;
    };
    const timer = window.setTimeout(more, this.shown > SCREENFUL ? 60 : PAUSE);
    for (const move of MOVES) document.addEventListener(move, more, { capture: true, passive: true });
    const stop = (): void => {
      clearTimeout(timer);
      for (const move of MOVES) document.removeEventListener(move, more, { capture: true });
    };
    return stop;
  }
}
