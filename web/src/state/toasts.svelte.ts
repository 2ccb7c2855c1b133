/** What just happened, with a way to take it back. */
export interface Action {
  label: string;
  run: () => void | Promise<void>;
}
export interface Toast {
  id: number;
  text: string;
  kind: 'done' | 'problem' | 'news';
  actions: Action[];
}

const SECONDS = { done: 8, problem: 10, news: 5 };

class Toasts {
  list = $state<Toast[]>([]);
  #next = 1;
  #timers = new Map<number, number>();

  show(text: string, kind: Toast['kind'] = 'done', actions: Action[] = []): void {
    const id = this.#next++;
    this.list = [...this.list.slice(-2), { id, text, kind, actions }];
    this.resume(id);
  }

  drop(id: number): void {
    this.pause(id);
    this.list = this.list.filter((one) => one.id !== id);
  }

  /** Nobody has to hurry while the pointer rests on it. */
  pause(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  resume(id: number): void {
    const toast = this.list.find((one) => one.id === id);
    if (toast) this.#timers.set(id, window.setTimeout(() => this.drop(id), 1000 * SECONDS[toast.kind]));
  }
}

export const toasts = new Toasts();
