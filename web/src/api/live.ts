/** Follows the log of a collection: by a stream of events where the service has one, else by asking again. */
import { CollectionApi } from './collection';
import { request } from './request';
import type { EventInfo } from './types';

const PAUSE = 1500; // milliseconds between two questions
const RARE = 'apart'; // a kind that seldom occurs: asking for it tells where the log ends

let streams: Promise<boolean> | null = null;

/** Whether the service describes a route for live events. */
function hasStream(): Promise<boolean> {
  streams ??= request<{ paths: Record<string, unknown> }>('GET', '/openapi.json')
    .then(({ paths }) => '/v1/collections/{collection}/events/live' in paths)
    .catch(() => false);
  return streams;
}

/** The cursor of the newest event. */
export async function lastCursor(api: CollectionApi): Promise<number> {
  let after = 0;
  for (;;) {
    const page = await api.events(after, RARE);
    if (page.events.length < 1000) return page.next;
    after = page.next;
  }
}

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
  void hasStream().then((yes) => {
    if (!stopped) (yes ? listen : () => void ask())();
  });
  return () => {
    stopped = true;
    clearTimeout(timer);
    source?.close();
    document.removeEventListener('visibilitychange', woken);
  };
}
