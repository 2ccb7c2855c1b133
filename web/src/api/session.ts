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

/** Whether somebody may do that; the service decides, this only says what to offer. */
export function may(who: Session | null, right: 'admin' | 'write', collection = ''): boolean {
  if (!who) return false;
  if (who.access === 'open') return true;
  return who.scopes.some((scope) => {
    if (scope === 'admin') return true;
    const [, allowed, name] = /^(read|write):(.*)$/s.exec(scope) ?? [];
    if (right === 'admin' || allowed !== 'write' || name === undefined) return false;
    const prefix = /(^|[^\\])(\\\\)*\*$/.test(name);
    const plain = (prefix ? name.slice(0, -1) : name).replace(/\\([\\*])/g, '$1');
    return prefix ? collection.startsWith(plain) : collection === plain;
  });
}
