/** The list that a picture was opened from, to go on to the next one and back. */
class Around {
  ids = $state.raw<readonly string[]>([]);
  back = $state('');

  set(ids: readonly string[], back: string): void {
    this.ids = ids;
    this.back = back;
  }

  beside(id: string, step: number): string | null {
    const at = this.ids.indexOf(id);
    return at < 0 ? null : (this.ids[at + step] ?? null);
  }
}

export const around = new Around();
