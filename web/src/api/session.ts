/** Signing in and out. The key itself is kept nowhere. */
import type { components } from './schema';
import { request } from './request';

export type Session = components['schemas']['SessionView'];

const PATH = '/v1/session';

export const session = (): Promise<Session> => request<Session>('GET', PATH);

export async function signIn(key: string): Promise<Session> {
  return request<Session>('POST', PATH, { headers: { Authorization: `Bearer ${key}` } });
}

export async function signOut(): Promise<void> {
  await fetch(PATH, { method: 'DELETE' });
  location.assign('/');
}
