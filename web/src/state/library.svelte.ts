/** The collection that is shown: its categories, and what happens to it while somebody looks. */
import { CollectionApi } from '../api/collection';
import { follow } from '../api/live';
import { Problem, sentence } from '../api/request';
import type { Category, CollectionInfo, EditDone, EventInfo, Group, Suggestion } from '../api/types';
import { t } from '../strings';
import { toasts } from './toasts.svelte';

const GLOW = 2600; // milliseconds
const REFRESH = 350; // events come in bursts
const DAY = 86_400;

export interface LastEdit {
  version: number;
}

export class LibraryState {
  readonly api: CollectionApi;
  info = $state.raw<CollectionInfo | null>(null);
  categories = $state.raw<Category[]>([]);
  groups = $state.raw<Group[]>([]);
  suggestions = $state.raw<Suggestion[]>([]);
  unsorted = $state(0);
  loaded = $state(false);
  missing = $state(false);
  problem = $state<string | null>(null);
  connected = $state(true);
  /** Category id → when it last got something, for a moment; 'unsorted' too. */
  glowing = $state.raw<ReadonlySet<string>>(new Set());
  /** Category id → pictures since the last visit. */
  fresh = $state.raw<ReadonlyMap<string, number>>(new Map());
  /** Grows whenever pictures may have come or gone, so that pages look again. */
  edition = $state(0);
  byId = $derived(new Map(this.categories.map((one) => [one.id, one])));
  /** Categories that a suggestion is about. */
  suggested = $derived(new Set(this.suggestions.flatMap((one) => [one.source, one.target]).filter((id) => id !== null)));
  images = $derived(this.categories.reduce((sum, one) => sum + one.size, this.unsorted));

  #stop: () => void = () => {};
  #timer = 0;
  #glowTimer = 0;
  #closed = false;
  #edits: number[] = []; // versions that were made here, the newest last
  #cursor = 0; // of the newest event that the categories know of
  #key: string;

  constructor(collection: string, view: string | null) {
    this.api = new CollectionApi(collection, view);
    this.#key = `categoriser.seen.${collection}.${view ?? ''}`;
  }

  async open(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      if (error instanceof Problem && error.status === 404) this.missing = true;
      else this.problem = sentence(error);
    }
    this.loaded = true;
    if (this.#closed) return;
    if (this.missing || this.problem) {
      this.#timer = window.setTimeout(() => void this.#again(), 2000);
      return;
    }
    this.#stop = follow(
      this.api,
      this.#cursor,
      (events) => this.#seen(events),
      (yes) => (this.connected = yes),
    );
    await this.#countNew();
  }

  close(): void {
    this.#closed = true;
    this.#stop();
    clearTimeout(this.#timer);
    clearTimeout(this.#glowTimer);
  }

  labelOf(id: string | null | undefined): string {
    if (!id) return t.unsorted;
    return this.byId.get(id)?.label ?? id;
  }

  async refresh(): Promise<void> {
    const [info, list, groups, suggestions] = await Promise.all([
      this.api.info(),
      this.api.categories(),
      this.api.groups(),
      this.api.suggestions().catch(() => ({ suggestions: [] as Suggestion[], next: null })),
    ]);
    this.info = info;
    this.categories = list.categories;
    this.unsorted = list.unsorted;
    this.#cursor = list.cursor;
    this.groups = groups.groups;
    this.suggestions = suggestions.suggestions;
    this.missing = false;
    this.problem = null;
  }

  /** Do an edit, tell about it with a way back, and look again; returns what it did, or null when it failed. */
  async edit(
    work: Promise<EditDone>,
    told: string | ((done: EditDone) => string),
    also: (done: EditDone) => { label: string; run: () => void }[] = () => [],
  ): Promise<EditDone | null> {
    let done: EditDone;
    try {
      done = await work;
    } catch (error) {
      toasts.show(sentence(error), 'problem');
      this.#soon(0);
      return null;
    }
    if (!done.changed) toasts.show(t.done.nothing, 'news');
    else {
      if (done.undone === null) this.#edits.push(done.version);
      const undo = { label: t.undo, run: () => this.undo(done.version) };
      toasts.show(typeof told === 'function' ? told(done) : told, 'done', [undo, ...also(done)]);
    }
    this.#soon(0);
    return done;
  }

  /** Take back a version; without one the last that was made here, and repeated, those before it. */
  async undo(version?: number): Promise<void> {
    version ??= this.#edits.pop();
    this.#edits = this.#edits.filter((one) => one !== version);
    await this.edit(this.api.undo(version), (done) => t.done.undone(done.what));
  }

  glow(ids: Iterable<string>): void {
    this.glowing = new Set([...this.glowing, ...ids]);
    clearTimeout(this.#glowTimer);
    this.#glowTimer = window.setTimeout(() => (this.glowing = new Set()), GLOW);
  }

  isNew(category: Category): boolean {
    return Date.now() / 1000 - category.created_at < DAY && category.named_by !== 'person';
  }

  async #again(): Promise<void> {
    if (this.#closed) return;
    const was = this.missing;
    await this.open();
    if (was && !this.missing) this.edition += 1;
  }

  async #countNew(): Promise<void> {
    const seen = Number(localStorage.getItem(this.#key) ?? 0);
    if (seen) {
      const counts = new Map<string, number>();
      let after = seen;
      for (let pages = 0; pages < 5; pages += 1) {
        const page = await this.api.events(after, 'attach').catch(() => null);
        if (!page) break;
        for (const event of page.events) {
          const id = (event.detail.category as string | null) ?? 'unsorted';
          counts.set(id, (counts.get(id) ?? 0) + 1);
        }
        after = page.next;
        if (page.events.length < 1000) break;
      }
      this.fresh = counts;
    }
    if (this.#cursor) localStorage.setItem(this.#key, String(this.#cursor)); // what is there now has been seen
  }

  #seen(events: EventInfo[]): void {
    const lit = new Set<string>();
    const counts = new Map(this.fresh);
    for (const event of events) {
      const category = event.detail.category as string | null;
      if (event.kind === 'attach') {
        const id = category ?? 'unsorted';
        lit.add(id);
        counts.set(id, (counts.get(id) ?? 0) + 1);
      } else if (category && ['spawn', 'split', 'move', 'merge', 'name', 'relabel', 'rename'].includes(event.kind)) {
        lit.add(category);
      }
    }
    this.fresh = counts;
    if (lit.size) this.glow(lit);
    const before = new Set(this.categories.map((one) => one.id));
    this.#soon(REFRESH, () => {
      const born = this.categories.filter((one) => !before.has(one.id) && lit.has(one.id));
      if (before.size && born.length && born.length <= 3)
        for (const one of born) toasts.show(t.library.appeared(one.label), 'news');
      this.glow(born.map((one) => one.id));
    });
    const last = events.at(-1)?.cursor;
    if (last) localStorage.setItem(this.#key, String(last));
  }

  #soon(wait: number, then: () => void = () => {}): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(async () => {
      try {
        await this.refresh();
        this.edition += 1;
        then();
      } catch (error) {
        if (!this.#closed) this.problem = sentence(error);
      }
    }, wait);
  }
}

class Current {
  library = $state.raw<LibraryState | null>(null);

  /** The state of the collection that the address names; the same as long as it is the same. */
  show(collection: string, view: string | null): void {
    const now = this.library;
    if (now && now.api.name === collection && now.api.view === view) return;
    now?.close();
    this.library = null;
    if (!collection) return;
    this.library = new LibraryState(collection, view);
    void this.library.open();
  }
}

export const current = new Current();
