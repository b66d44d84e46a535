/*
 * The cabinet's own HTTP calls (docs/protocol.md): who am I, in and out,
 * where else am I signed in.  Everything else goes through the connection.
 */

import type { ErrorFrame, OperatorView, SiteView }
    from '../../../client/src/index.ts';

export interface Me {
    operator: OperatorView;
    csrf: string;
    sites: SiteView[];
}

export interface SignedIn {
    id: string;
    current?: boolean;
    created_ms: string;
    agent?: string;
    ip?: string;
}

export type Answer<T> =
    | { ok: true; value: T }
    | { ok: false; code: string; text: string; retry_ms: number };

/** Ends with "/v1/"; the page's own host. */
export const API = '/api/v1/';

const ANSWER_MS = 20_000;


async function call<T>(method: string, path: string, csrf?: string,
    body?: object): Promise<Answer<T>>
{
    const control = new AbortController();
    const timer = setTimeout(() => control.abort(), ANSWER_MS);

    try {
        const response = await fetch(API + path, {
            method,
            signal: control.signal,
            credentials: 'same-origin',
            cache: 'no-store',
            headers: {
                ...(csrf ? { 'X-CSRF': csrf } : {}),
                ...(body ? { 'Content-Type': 'application/json' } : {}),
            },
            ...(body ? { body: JSON.stringify(body) } : {}),
        });
        const text = await response.text();

        if (response.ok) {
            return { ok: true, value: (text ? JSON.parse(text) : {}) as T };
        }

        return { ok: false, ...refusal(text, response) };

    } catch {
        return { ok: false, code: 'offline', text: '', retry_ms: 0 };

    } finally {
        clearTimeout(timer);
    }
}


function refusal(text: string, response: Response)
    : { code: string; text: string; retry_ms: number }
{
    const retry = Number(response.headers.get('Retry-After') ?? 0) * 1000;

    try {
        const error = JSON.parse(text) as ErrorFrame;

        return { code: error.code, text: error.text,
            retry_ms: error.retry_ms ?? retry };
    } catch {
        // not from us: a proxy, a broken server
        return { code: 'internal', text: response.statusText, retry_ms: retry };
    }
}


export const api = {
    me: () => call<Me>('GET', 'me'),
    login: (login: string, password: string) =>
        call<Me>('POST', 'login', undefined, { login, password }),
    logout: (csrf: string) => call('POST', 'logout', csrf),
    sessions: () => call<{ sessions: SignedIn[] }>('GET', 'sessions'),
    endSession: (csrf: string, id: string) =>
        call('DELETE', 'sessions/' + encodeURIComponent(id), csrf),
};
