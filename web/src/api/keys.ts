/** Keys of the service: for admins. */
import { request } from './request';
import type { components } from './schema';

export type Key = components['schemas']['KeyView'];
export type NewKey = components['schemas']['NewKeyView'];
export type KeyWanted = { scopes: string[]; label: string; seconds: number | null };

const PATH = '/v1/keys';

export const listKeys = (after = 0) => request<components['schemas']['KeyPage']>('GET', PATH, { query: { after, limit: 200 } });
export const makeKey = (wanted: KeyWanted) => request<NewKey>('POST', PATH, { body: wanted });
export const rotateKey = (id: string, grace_seconds: number) => request<NewKey>('POST', `${PATH}/${id}/rotation`, { body: { grace_seconds } });
export const revokeKey = (id: string) => request<Key>('DELETE', `${PATH}/${id}`);

/** A scope as text; a star or backslash of the name itself is written with a backslash before it. */
export function scopeOf(right: 'admin' | 'write' | 'read', name: string, prefix: boolean): string {
  if (right === 'admin') return 'admin';
  return `${right}:${name.replaceAll('\\', '\\\\').replaceAll('*', '\\*')}${prefix ? '*' : ''}`;
}
