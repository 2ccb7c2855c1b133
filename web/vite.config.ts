import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const service = process.env.CATEGORISER_URL ?? 'http://127.0.0.1:8642'; // of `npm run dev` only

export default defineConfig({
  plugins: [svelte()],
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: true },
  server: { proxy: { '/v1': service, '/healthz': service, '/openapi.json': service, '/docs': service } },
});
