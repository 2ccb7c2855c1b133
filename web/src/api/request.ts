/** The one place that talks to the service. */
import { access } from '../state/access.svelte';
import { t } from '../strings';

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Asked {
  query?: Record<string, string | number | boolean | null | undefined>;
  body?: unknown;
  form?: FormData;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export function address(path: string, query: Asked['query'] = {}): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) asked.set(name, String(value));
  }
  const text = asked.toString();
  return text ? `${path}?${text}` : path;
}

export async function request<T>(method: string, path: string, asked: Asked = {}): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(address(path, asked.query), {
      method,
      headers: asked.body === undefined ? asked.headers : { 'Content-Type': 'application/json', ...asked.headers },
      body: asked.form ?? (asked.body === undefined ? undefined : JSON.stringify(asked.body)),
      signal: asked.signal,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Problem(0, 'unreachable', t.problem.unreachable);
  }
  if (!answer.ok) {
    if (answer.status === 401) access.needed = true;
    throw await problemOf(answer);
  }
  return (await answer.json()) as T;
}

async function problemOf(answer: Response): Promise<Problem> {
  try {
    const { error } = (await answer.json()) as { error: { code: string; message: string } };
    return new Problem(answer.status, error.code, error.message);
  } catch {
    return new Problem(answer.status, 'unknown', t.problem.unknown(answer.status));
  }
}

/** What went wrong, in a sentence. */
export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : t.problem.unknown(0);
}

export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
