/** The address of the page: /c/COLLECTION/PAGE/ID?view=NAME&… ; everything that can be sent to somebody is in it. */
export type PageName =
  | 'start'
  | 'library'
  | 'category'
  | 'picture'
  | 'search'
  | 'map'
  | 'runs'
  | 'views'
  | 'suggestions'
  | 'settings';

export interface Place {
  page: PageName;
  collection: string;
  id: string;
  view: string | null;
  query: URLSearchParams;
}

const PAGES = new Set<string>(['category', 'picture', 'search', 'map', 'runs', 'views', 'suggestions', 'settings']);

function read(): Place {
  const [, first, collection, page, ...rest] = location.pathname.split('/');
  const query = new URLSearchParams(location.search);
  const here = { view: query.get('view'), query, id: rest.map(decodeURIComponent).join('/') };
  if (first !== 'c' || !collection) return { page: 'start', collection: '', ...here };
  const name = page && PAGES.has(page) ? (page as PageName) : 'library';
  return { page: name, collection: decodeURIComponent(collection), ...here };
}

class Router {
  place = $state.raw<Place>(read());
  /** Grows with each step, so that a page can tell a new visit from a change of the query. */
  steps = $state(0);

  constructor() {
    window.addEventListener('popstate', () => this.#moved());
    document.addEventListener('click', (event) => {
      if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      const anchor = (event.target as Element | null)?.closest?.('a');
      if (!anchor || anchor.target || anchor.hasAttribute('download') || anchor.origin !== location.origin) return;
      if (anchor.pathname !== '/' && !anchor.pathname.startsWith('/c/')) return;
      event.preventDefault();
      this.go(anchor.pathname + anchor.search);
    });
  }

  go(address: string, { replace = false } = {}): void {
    if (address === location.pathname + location.search) return;
    history[replace ? 'replaceState' : 'pushState'](null, '', address);
    this.#moved();
  }

  /** An address within the collection and view that are shown now. */
  to(page: PageName, id = '', query: Record<string, string | undefined> = {}): string {
    const { collection, view } = this.place;
    return addressOf(collection, view, page, id, query);
  }

  #moved(): void {
    this.place = read();
    this.steps += 1;
  }
}

export function addressOf(
  collection: string,
  view: string | null,
  page: PageName = 'library',
  id = '',
  query: Record<string, string | undefined> = {},
): string {
  const parts = ['/c', encodeURIComponent(collection)];
  if (page !== 'library') parts.push(page);
  if (id) parts.push(encodeURIComponent(id));
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) asked.set(name, value);
  if (view) asked.set('view', view);
  const text = asked.toString();
  return parts.join('/') + (text ? `?${text}` : '');
}

export const router = new Router();
