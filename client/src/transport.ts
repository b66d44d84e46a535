/*
 * Three ways to the server with one face.  A transport opens, gives frames,
 * and ends exactly once; whether to come back, when and how is decided by the
 * session.
 */

import type { Host } from './host.ts';
import type { Command, ServerFrame } from './types.ts';

export type TransportName = 'ws' | 'sse' | 'poll';

export interface Way {
    host: Host;
    /** Ends with "/v1/". */
    url: string;
    instance: string;
    /** Asked anew for every poll. */
    cursor(): string | undefined;
    /** Headers for POST: the cabinet's X-CSRF. */
    headers(): Record<string, string>;
}

export interface Ear {
    /** The way is open; nothing was said yet. */
    open(): void;
    /** `streamed`: came by itself, not as the answer to a POST. */
    frames(frames: ServerFrame[], streamed: boolean): void;
    /** A poll says how far it brought us, news or not. */
    cursor(cursor: string): void;
    end(why: End): void;
}

/** Why it ended: a close code, an HTTP status, or neither (network). */
export interface End {
    code?: number;
    status?: number;
    retry_ms?: number | undefined;
}

export interface Transport {
    /** WebSocket wants a hello first; others have it in the URL. */
    readonly says_hello: boolean;
    send(command: Command): void;
    /** Silently: no end() follows. */
    close(): void;
}

const REQUEST_MS = 20_000;
const HELD_MS = 90_000;


export function openTransport(name: TransportName, way: Way, ear: Ear)
    : Transport
{
    try {
        switch (name) {
        case 'ws':
            return openSocket(way, ear);
        case 'sse':
            return openSource(way, ear);
        case 'poll':
            return openPoll(way, ear);
        }

    } catch {
        // some browsers throw where the page's CSP forbids the connection
        return openNothing(way, ear);
    }
}


function openNothing({ host }: Way, ear: Ear): Transport {
    const timer = host.setTimeout(() => ear.end({}), 0);

    return {
        says_hello: false,
        send: () => undefined,
        close: () => host.clearTimeout(timer),
    };
}


export function available(host: Host, name: TransportName): boolean {
    return name === 'poll'
        || (name === 'ws' ? !!host.WebSocket : !!host.EventSource);
}


/** A frame, or undefined for what is none: to be ignored, as unknown ones. */
export function parseFrame(text: unknown): ServerFrame | undefined {
    try {
        const frame: unknown = JSON.parse(String(text));

        return isFrame(frame) ? frame : undefined;
    } catch {
        return undefined;
    }
}


function isFrame(value: unknown): value is ServerFrame {
    return typeof value === 'object' && value !== null
        && typeof (value as { t?: unknown }).t === 'string';
}


function openSocket({ host, url }: Way, ear: Ear): Transport {
    const Socket = host.WebSocket!;
    const socket = new Socket(url.replace(/^http/, 'ws') + 'ws');

    const quiet = (): void => {
        socket.onopen = socket.onmessage = socket.onclose = null;
    };

    socket.onopen = () => ear.open();

    socket.onmessage = (e) => {
        const frame = parseFrame(e.data);

        ear.frames(frame ? [frame] : [], true);
    };

    socket.onclose = (e) => {
        quiet();
        ear.end({ code: e.code });
    };

    return {
        says_hello: true,

        send: (command) => {
            if (socket.readyState === 1) {
                socket.send(JSON.stringify(command));
            }
        },

        close: () => {
            quiet();
            socket.close();
        },
    };
}


function openSource(way: Way, ear: Ear): Transport {
    const Source = way.host.EventSource!;
    const source = new Source(way.url + 'events?' + query(way));
    const post = poster(way, ear);

    const stop = (): void => {
        source.onopen = source.onmessage = source.onerror = null;
        source.close();
        post.close();
    };

    source.onopen = () => ear.open();

    source.onmessage = (e) => {
        const frame = parseFrame(e.data);

        ear.frames(frame ? [frame] : [], true);
    };

    // the browser's own reconnect knows neither our delays nor our cursor
    source.onerror = () => {
        stop();
        ear.end({});
    };

    return { says_hello: false, send: post.send, close: stop };
}


function openPoll(way: Way, ear: Ear): Transport {
    const { host } = way;
    const post = poster(way, ear);
    let stopped = false;
    let abort: (() => void) | undefined;
    // what was told of who is there; "0": nothing
    let presence = '0';

    const stop = (): void => {
        stopped = true;
        abort?.();
        post.close();
    };

    const end = (why: End): void => {
        if (!stopped) {
            stop();
            ear.end(why);
        }
    };

    const poll = async (): Promise<void> => {
        const before = way.cursor();
        const call = request(way, 'GET', 'poll?' + query(way)
            + '&presence=' + presence, HELD_MS);

        abort = call.abort;

        const answer = await call.answer;

        if (stopped) {
            return;
        }

        if (answer.status !== 200) {
            end(answer);
            return;
        }

        const body = parseObject(answer.text);

        ear.frames(Array.isArray(body?.frames)
            ? body.frames.filter(isFrame) : [], true);

        if (stopped) {
            return;
        }

        if (typeof body?.cursor === 'string') {
            ear.cursor(body.cursor);
        }

        presence = String(body?.presence ?? 0);

        // an answer without news must not make a loop that spins
        host.setTimeout(() => {
            if (!stopped) {
                void poll();
            }
        }, way.cursor() === before ? 1000 : 0);
    };

    host.setTimeout(() => {
        if (!stopped) {
            ear.open();
            void poll();
        }
    }, 0);

    return { says_hello: false, send: post.send, close: stop };
}


/*
 * Commands beside a stream.  One at a time: requests side by side may arrive
 * in another order.  No answer counts as "try again": numbers make it safe.
 */
function poster(way: Way, ear: Ear): Pick<Transport, 'send' | 'close'> {
    const waiting: Command[] = [];
    let busy = false;
    let stopped = false;

    const next = async (): Promise<void> => {
        const command = busy || stopped ? undefined : waiting.shift();

        if (!command) {
            return;
        }

        busy = true;

        // a history is of what we have seen, or not yet to be had
        const answer = await request(way, 'POST',
            'send?' + query(way, command.t === 'history'), REQUEST_MS,
            JSON.stringify(command)).answer;

        busy = false;

        if (stopped) {
            return;
        }

        const frame = parseFrame(answer.text);

        if (frame) {
            ear.frames([frame], false);

        } else if (answer.status !== 200
            && ('n' in command || command.t === 'history'))
        {
            ear.frames([{ t: 'error', code: 'busy', text: 'no answer',
                ...('n' in command ? { n: command.n } : {}),
                retry_ms: answer.retry_ms ?? 2000 }], false);
        }

        void next();
    };

    return {
        send: (command) => {
            waiting.push(command);
            void next();
        },

        close: () => {
            stopped = true;
        },
    };
}


interface Answer extends End {
    text: string;
}

interface Call {
    answer: Promise<Answer>;
    abort(): void;
}


/** Never rejects: no answer at all has no status. */
function request(way: Way, method: string, path: string, ms: number,
    body?: string): Call
{
    const { host } = way;
    const control = new host.AbortController();
    const timer = host.setTimeout(() => control.abort(), ms);

    const run = async (): Promise<Answer> => {
        try {
            const r = await host.fetch(way.url + path, {
                method,
                headers: body === undefined ? {}
                    : { 'Content-Type': 'application/json', ...way.headers() },
                credentials: 'same-origin',
                cache: 'no-store',
                signal: control.signal,
                ...(body === undefined ? {} : { body }),
            });

            return {
                status: r.status,
                retry_ms: retryAfter(r.headers.get('retry-after')),
                text: await r.text(),
            };

        } catch {
            return { text: '' };

        } finally {
            host.clearTimeout(timer);
        }
    };

    return { answer: run(), abort: () => control.abort() };
}


/** Retry-After in seconds; the form with a date is not ours. */
export function retryAfter(value: string | null): number | undefined {
    return value !== null && /^\d{1,6}$/.test(value)
        ? Number(value) * 1000 : undefined;
}


function query({ instance, cursor }: Way, resumes = true): string {
    const at = resumes && cursor();

    return 'instance=' + encodeURIComponent(instance)
        + (at ? '&cursor=' + encodeURIComponent(at) : '');
}


function parseObject(text: string): Record<string, unknown> | undefined {
    try {
        return JSON.parse(text) as Record<string, unknown>;
    } catch {
        return undefined;
    }
}
