/** What a search has found so far: a first page, and more of it as somebody scrolls or lowers the score. */
import { isAborted, sentence } from '../../api/request';
import type { Found, SearchAnswer } from '../../api/types';
import { cutOff } from './cutoff';

export const PAGE = 200;

type Ask = (cursor: string | undefined, signal: AbortSignal) => Promise<SearchAnswer>;

export class Finder {
  results = $state.raw<readonly Found[]>([]);
  busy = $state(false);
  growing = $state(false);
  problem = $state.raw<Error | null>(null);
  /** From the worst to the best score. */
  range = $derived<[number, number]>([this.results.at(-1)?.score ?? 0, this.results[0]?.score ?? 1]);
  #least = $state(0);
  #next = $state.raw<string | null>(null);
  #chosen = false; // somebody has set the score
  #ask: Ask | null = null;
  #stop = new AbortController();
  /** Whether there are more that are as much alike as is asked for. */
  more = $derived(this.#next !== null && this.#least <= this.range[0]);

  get least(): number {
    return this.#least;
  }
  set least(value: number) {
    this.#chosen = true;
    this.#least = value;
  }

  /** Begin anew; null asks for nothing. Returns how to stop. */
  find(ask: Ask | null, found: () => void = () => {}): () => void {
    this.#stop.abort();
    const stop = (this.#stop = new AbortController());
    this.#ask = ask;
    this.growing = false;
    if (!ask) {
      this.results = [];
      this.#next = null;
      this.problem = null;
      this.busy = false;
      return () => {};
    }
    this.busy = true;
    ask(undefined, stop.signal).then(
      (answer) => {
        this.results = answer.results;
        this.#next = answer.next ?? null;
        this.#chosen = false;
        this.#least = cutOff(answer.results);
        this.problem = null;
        this.busy = false;
        found();
      },
      (error: unknown) => {
        if (isAborted(error)) return;
        this.results = [];
        this.#next = null;
        this.problem = error instanceof Error ? error : new Error(sentence(error));
        this.busy = false;
      },
    );
    return () => stop.abort();
  }

  /** The next page. */
  async grow(): Promise<void> {
    if (!this.more || this.growing || this.busy || !this.#ask || !this.#next) return;
    const stop = this.#stop;
    this.growing = true;
    try {
      const answer = await this.#ask(this.#next, stop.signal);
      if (stop.signal.aborted) return;
      const known = new Set(this.results.map((one) => one.image_id));
      this.results = [...this.results, ...answer.results.filter((one) => !known.has(one.image_id))];
      this.#next = answer.next ?? null;
      this.#least = this.#chosen ? Math.min(this.#least, this.range[0]) : cutOff(this.results);
    } catch (error) {
      if (!isAborted(error)) this.#next = null; // what was found stays; the button is gone
    } finally {
      if (!stop.signal.aborted) this.growing = false;
    }
  }

  /** Moved pictures have another category, deleted ones are gone. */
  change(change: (one: Found) => Found | null): void {
    this.results = this.results.map(change).filter((one) => one !== null);
  }
}
