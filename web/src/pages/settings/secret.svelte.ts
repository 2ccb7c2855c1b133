/** A secret that is shown this one time; kept outside the pages, so that signing in anew does not lose it. */
export interface Secret {
  of: 'key' | 'webhook';
  title: string;
  value: string;
}

class Shown {
  secret = $state.raw<Secret | null>(null);
}

export const shown = new Shown();
