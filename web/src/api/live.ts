/** Follows the log of a collection: by a stream of events, or by asking again when the service has no more to give. */
import { CollectionApi } from './collection';
import type { EventInfo } from './types';

const PAUSE = 1500; // milliseconds between two questions

/** Calls back with new events until the function that it returns is called. */
export function follow(
  api: CollectionApi,
  after: number,
  seen: (events: EventInfo[]) => void,
  connected: (yes: boolean) => void,
): () => void {
  let stopped = false;
  let timer = 0;
  let source: EventSource | null = null;
  let cursor = after;

  const ask = async (): Promise<void> => {
    if (stopped) return;
    if (!document.hidden) {
      try {
        const page = await api.events(cursor);
        if (stopped) return;
        connected(true);
        cursor = page.next;
        if (page.events.length) seen(page.events);
      } catch {
        if (!stopped) connected(false);
      }
    }
    if (!stopped) timer = window.setTimeout(ask, PAUSE);
  };
  const listen = (): void => {
    source = new EventSource(api.liveEvents(cursor));
    source.onopen = () => connected(true);
    const told = (message: MessageEvent<string>): void => {
      const event = JSON.parse(message.data) as EventInfo;
      if (typeof event.cursor !== 'number' || event.cursor <= cursor) return;
      cursor = event.cursor;
      seen([event]);
    };
    source.onmessage = told;
    for (const kind of ['attach', 'move', 'spawn', 'split', 'merge', 'retire', 'run', 'rename', 'name', 'relabel', 'undo', 'suggest', 'gather', 'reject', 'unite', 'part', 'lock', 'unlock'])
      source.addEventListener(kind, told as EventListener);
    source.onerror = () => {
      if (stopped || source?.readyState !== EventSource.CLOSED) return;
      source = null;
      void ask(); // refused for good: ask instead
    };
  };
  const woken = (): void => {
    if (document.hidden || source) return;
    clearTimeout(timer);
    void ask();
  };
  document.addEventListener('visibilitychange', woken);
  listen();
  return () => {
    stopped = true;
    clearTimeout(timer);
    source?.close();
    document.removeEventListener('visibilitychange', woken);
  };
}
