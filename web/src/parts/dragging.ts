/** Dragging pictures onto a category moves them there; onto Unsorted says that they are not what their category is. */
import type { LibraryState } from '../state/library.svelte';
import { t } from '../strings';
import { movePictures, rejectPictures } from './corrections';

const UNSORTED = 'unsorted';
export const PICTURES = 'application/x-categoriser-pictures';

/** Begin a drag of pictures, with their number under the pointer. */
export function dragPictures(event: DragEvent, ids: string[], from: string | null): void {
  if (!event.dataTransfer) return;
  event.dataTransfer.setData(PICTURES, JSON.stringify({ ids, from }));
  event.dataTransfer.effectAllowed = 'move';
  const chip = document.createElement('div');
  chip.className = 'drag-chip';
  chip.textContent = t.select.drag(ids.length);
  document.body.append(chip);
  event.dataTransfer.setDragImage(chip, -12, -8);
  setTimeout(() => chip.remove());
}

interface Target {
  library: LibraryState;
  category: string; // 'unsorted' too
  label: string;
}

/** Makes an element a place to drop pictures on. */
export function dropPictures(node: HTMLElement, given: Target): { update: (given: Target) => void; destroy: () => void } {
  let target = given;
  let depth = 0;
  const ours = (event: DragEvent): boolean => event.dataTransfer?.types.includes(PICTURES) ?? false;
  const enter = (event: DragEvent): void => {
    if (!ours(event)) return;
    depth += 1;
    node.classList.add('over');
  };
  const leave = (): void => {
    depth = Math.max(0, depth - 1);
    if (!depth) node.classList.remove('over');
  };
  const over = (event: DragEvent): void => {
    if (!ours(event)) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = 'move';
  };
  const drop = (event: DragEvent): void => {
    if (!ours(event)) return;
    event.preventDefault();
    depth = 0;
    node.classList.remove('over');
    const { ids, from } = JSON.parse(event.dataTransfer?.getData(PICTURES) ?? '{}') as { ids: string[]; from: string | null };
    if (!ids?.length || from === target.category) return;
    if (target.category === UNSORTED) void rejectPictures(target.library, ids);
    else void movePictures(target.library, ids, target.category, target.label);
  };
  node.addEventListener('dragenter', enter);
  node.addEventListener('dragleave', leave);
  node.addEventListener('dragover', over);
  node.addEventListener('drop', drop);
  return {
    update: (next) => (target = next),
    destroy: () => {
      node.removeEventListener('dragenter', enter);
      node.removeEventListener('dragleave', leave);
      node.removeEventListener('dragover', over);
      node.removeEventListener('drop', drop);
    },
  };
}
