/** Dialogs that several pages open. */
import type { IconName } from '../parts/Icon.svelte';

export interface Picking {
  title: string;
  /** Not offered: where the pictures are already. */
  without?: string | null;
  /** Whether a name that no category has may be given, for a new one. */
  creating: boolean;
  icon?: IconName;
  picked: (category: string | null, label: string) => void;
}
export interface Alike {
  ids: string[];
  category: string | null;
  label: string;
}

export interface Deleting {
  ids: string[];
  categoryOf: (id: string) => string | null;
  deleted?: () => void;
}

class Dialogs {
  picking = $state.raw<Picking | null>(null);
  alikes = $state.raw<Alike | null>(null);
  deleting = $state.raw<Deleting | null>(null);
  keys = $state(false);
  open = $derived(this.picking !== null || this.alikes !== null || this.deleting !== null || this.keys);

  pick(picking: Picking): void {
    this.picking = picking;
  }

  alike(alike: Alike): void {
    this.alikes = alike;
  }
}

export const dialogs = new Dialogs();
