/** What people correct, said in one place for all pages. */
import { sentence } from '../api/request';
import type { EditDone } from '../api/types';
import type { LibraryState } from '../state/library.svelte';
import { dialogs } from '../state/dialogs.svelte';
import { toasts } from '../state/toasts.svelte';
import { t } from '../strings';

const ALIKE = 2; // fewer are not worth a question

/** To a category, or to a new one for null; tells the listeners at once which pictures left. */
export async function movePictures(
  library: LibraryState,
  ids: string[],
  category: string | null,
  label: string,
): Promise<EditDone | null> {
  left(ids);
  const done = await library.edit(
    library.api.move(ids, category, category === null ? label : undefined),
    (edit) => t.done.moved(edit.moved || ids.length, label || t.newCategory),
    (edit) =>
      edit.alike.length >= ALIKE
        ? [
            {
              label: t.done.alike(edit.alike.length),
              run: () => dialogs.alike({ ids: edit.alike, category: edit.category ?? category, label }),
            },
          ]
        : [],
  );
  if (!done) left([]);
  return done;
}

export async function rejectPictures(library: LibraryState, ids: string[]): Promise<void> {
  left(ids);
  if (!(await library.edit(library.api.reject(ids), t.done.rejected(ids.length)))) left([]);
}

const AT_ONCE = 10_000; // what the interface deletes in one request

/** For good; tells the listeners at once which pictures left. Answers whether all are gone. */
export async function deletePictures(library: LibraryState, ids: string[]): Promise<boolean> {
  left(ids);
  let deleted = 0;
  try {
    for (let start = 0; start < ids.length; start += AT_ONCE) deleted += (await library.api.deleteImages(ids.slice(start, start + AT_ONCE))).deleted;
    toasts.show(t.done.deleted(deleted));
    return true;
  } catch (error) {
    left([]);
    toasts.show(sentence(error), 'problem');
    return false;
  } finally {
    await library.refresh().catch(() => {}); // the stream of events brings it later
    library.edition += 1;
  }
}

export const renameCategory = (library: LibraryState, category: string, label: string | null): Promise<EditDone | null> =>
  library.edit(library.api.edit(category, { label }), label === null ? t.done.renamedBack : t.done.renamed(label));

export const lockCategory = (library: LibraryState, category: string, locked: boolean): Promise<EditDone | null> =>
  library.edit(
    library.api.edit(category, { locked }),
    (locked ? t.done.locked : t.done.unlocked)(library.labelOf(category)),
  );

export const hideCategory = (library: LibraryState, category: string, hidden: boolean): Promise<EditDone | null> =>
  library.edit(library.api.edit(category, { hidden }), (hidden ? t.done.hidden : t.done.shown)(library.labelOf(category)));

// ---- pages that show a list of pictures take those that leave out of it before the service has answered

type Listener = (ids: ReadonlySet<string>) => void;
const listeners = new Set<Listener>();

export function whenLeft(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function left(ids: string[]): void {
  const gone = new Set(ids);
  for (const listener of listeners) listener(gone);
}
