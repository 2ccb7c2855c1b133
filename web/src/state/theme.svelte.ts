/** Light or dark: as the system says, until somebody chooses. */
type Choice = 'system' | 'light' | 'dark';

const KEY = 'categoriser.theme';
const dark = window.matchMedia('(prefers-color-scheme: dark)');

class Theme {
  choice = $state<Choice>((localStorage.getItem(KEY) as Choice | null) ?? 'system');
  #system = $state(dark.matches);
  isDark = $derived(this.choice === 'dark' || (this.choice === 'system' && this.#system));

  constructor() {
    dark.addEventListener('change', () => {
      this.#system = dark.matches;
      this.apply();
    });
  }

  apply(): void {
    document.documentElement.dataset.theme = this.isDark ? 'dark' : 'light';
  }

  toggle(): void {
    this.choice = this.isDark ? 'light' : 'dark';
    localStorage.setItem(KEY, this.choice);
    this.apply();
  }
}

export const theme = new Theme();
