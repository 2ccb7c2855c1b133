/** Pictures on their way in: a few at a time, each answered on its own. */
import { Problem, request, sentence } from '../api/request';
import type { ImageDetails, Uploaded, WhyInfo } from '../api/types';
import { t } from '../strings';
import type { LibraryState } from './library.svelte';
import { toasts } from './toasts.svelte';

const AT_ONCE = 3;
const TRIES = 6;
const DETAILED = 60; // after so many only what was filed is told, not why

export interface Upload {
  id: number;
  name: string;
  source: File | string;
  preview: string | null;
  state: 'waiting' | 'sending' | 'filed' | 'known' | 'refused' | 'stopped';
  problem: string | null;
  answer: Uploaded | null;
  details: ImageDetails | null;
  why: WhyInfo | null;
}

class Uploads {
  list = $state<Upload[]>([]);
  open = $state(false);
  filed = $derived(this.list.filter((one) => one.state === 'filed').length);
  known = $derived(this.list.filter((one) => one.state === 'known').length);
  refused = $derived(this.list.filter((one) => one.state === 'refused').length);
  finished = $derived(this.list.filter((one) => one.state !== 'waiting' && one.state !== 'sending').length);
  busy = $derived(this.finished < this.list.length);

  #next = 1;
  #running = 0;

  add(library: LibraryState, sources: (File | string)[]): void {
    if (!sources.length) {
      toasts.show(t.drop.noPictures, 'problem');
      return;
    }
    if (!this.busy) this.clear();
    this.open = true;
    const added = sources.map((source): Upload => ({
      id: this.#next++,
      name: typeof source === 'string' ? source : source.name || t.drop.title,
      source,
      preview: null,
      state: 'waiting',
      problem: null,
      answer: null,
      details: null,
      why: null,
    }));
    this.list.push(...added);
    while (this.#running < AT_ONCE && this.#running < this.list.length) void this.#work(library);
  }

  stop(): void {
    const left = this.list.filter((one) => one.state === 'waiting');
    for (const one of left) one.state = 'stopped';
    if (left.length) toasts.show(t.drop.stopped(left.length), 'news');
  }

  clear(): void {
    for (const one of this.list) if (one.preview) URL.revokeObjectURL(one.preview);
    this.list = [];
    this.open = false;
  }

  async #work(library: LibraryState): Promise<void> {
    this.#running += 1;
    try {
      for (;;) {
        const one = this.list.find((each) => each.state === 'waiting');
        if (!one) return;
        one.state = 'sending';
        if (one.source instanceof File && this.list.length <= 500) one.preview = URL.createObjectURL(one.source);
        await this.#send(library, one);
      }
    } finally {
      this.#running -= 1;
    }
  }

  async #send(library: LibraryState, one: Upload): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        one.answer = await post(library, one.source);
        one.state = one.answer.known ? 'known' : 'filed';
        break;
      } catch (error) {
        if (error instanceof Problem && [0, 502, 503].includes(error.status) && tries < TRIES) {
          await new Promise((done) => setTimeout(done, 500 * tries));
          continue;
        }
        one.problem = sentence(error);
        one.state = 'refused';
        return;
      }
    }
    library.glow([one.answer.category ?? 'unsorted']);
    if (this.list.length > DETAILED) return;
    const id = one.answer.image_id;
    void Promise.all([library.api.image(id), library.api.why(id)])
      .then(([details, why]) => {
        one.details = details;
        one.why = why;
      })
      .catch(() => {}); // the answer stands without its reasons
  }
}

function post(library: LibraryState, source: File | string): Promise<Uploaded> {
  if (typeof source === 'string') return request('POST', library.api.uploads(), { body: { url: source } });
  const form = new FormData();
  form.set('file', source, source.name || 'pasted.png');
  return request('POST', library.api.uploads(), { form });
}

export const uploads = new Uploads();
