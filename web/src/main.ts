import '@fontsource-variable/inter/wght.css';
import './style/tokens.css';
import './style/base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { theme } from './state/theme.svelte';

theme.apply();
const target = document.getElementById('app');
if (target) {
  target.replaceChildren(); // what stood there until now
  mount(App, { target });
}
