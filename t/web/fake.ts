/* A world for the client library: clock, network and storage by hand. */

import type { Host, Keep, RequestLike, ResponseLike, SocketLike, SourceLike }
    from '../../client/src/host.ts';
import type { Command, ServerFrame, Welcome } from '../../client/src/types.ts';

/** Repeatable chance (mulberry32). */
export function dice(seed: number): () => number {
    return () => {
        seed = (seed + 0x6D2B79F5) | 0;
        let x = Math.imul(seed ^ (seed >>> 15), 1 | seed);

        x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
        return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
    };
}


/** Lets promises that are ready go on. */
export async function settle(): Promise<void> {
    for (let i = 0; i < 20; i++) {
        await Promise.resolve();
    }
}


interface Timer {
    at: number;
    fn: () => void;
}

export class FakeSocket implements SocketLike {
    readyState = 0;
    onopen: ((e: never) => void) | null = null;
    onmessage: ((e: { data: unknown }) => void) | null = null;
    onclose: ((e: { code: number }) => void) | null = null;
    onerror: ((e: never) => void) | null = null;
    readonly sent: Command[] = [];
    closed = false;

    constructor(readonly url: string) {}

    send(text: string): void {
        this.sent.push(JSON.parse(text) as Command);
    }

    close(): void {
        this.closed = true;
        this.readyState = 3;
    }

    open(): void {
        this.readyState = 1;
        this.onopen?.(undefined as never);
    }

    say(frame: ServerFrame | string): void {
        this.onmessage?.({ data: typeof frame === 'string' ? frame
            : JSON.stringify(frame) });
    }

    /** The other side ends it. */
    end(code = 1006): void {
        this.readyState = 3;
        this.onclose?.({ code });
    }
}

export class FakeSource implements SourceLike {
    onopen: ((e: never) => void) | null = null;
    onmessage: ((e: { data: unknown }) => void) | null = null;
    onerror: ((e: never) => void) | null = null;
    closed = false;

    constructor(readonly url: string) {}

    close(): void {
        this.closed = true;
    }

    say(frame: ServerFrame): void {
        this.onmessage?.({ data: JSON.stringify(frame) });
    }
}

export interface FakeRequest {
    url: string;
    init: RequestLike;
    answer(status: number, body?: unknown,
        headers?: Record<string, string>): void;
    fail(): void;
    aborted: boolean;
    done: boolean;
}


export class World {
    now = 1_000_000;
    timers: Timer[] = [];
    sockets: FakeSocket[] = [];
    sources: FakeSource[] = [];
    requests: FakeRequest[] = [];
    readonly host: Host;

    constructor(readonly random: () => number = dice(1)) {
        const world = this;

        this.host = {
            now: () => this.now,
            random: () => this.random(),

            setTimeout: (fn, ms) => {
                const timer = { at: this.now + ms, fn };

                this.timers.push(timer);
                return timer;
            },

            clearTimeout: (timer) => {
                this.timers = this.timers.filter((t) => t !== timer);
            },

            fetch: (url, init) => this.fetch(url, init),
            AbortController,

            WebSocket: class extends FakeSocket {
                constructor(url: string) {
                    super(url);
                    world.sockets.push(this);
                }
            },

            EventSource: class extends FakeSource {
                constructor(url: string) {
                    super(url);
                    world.sources.push(this);
                }
            },
        };
    }

    get socket(): FakeSocket {
        return this.sockets[this.sockets.length - 1]!;
    }

    get source(): FakeSource {
        return this.sources[this.sources.length - 1]!;
    }

    get request(): FakeRequest {
        return this.requests[this.requests.length - 1]!;
    }

    /** Time passes, and everything due happens in its order. */
    async run(ms: number): Promise<void> {
        const end = this.now + ms;

        for (;;) {
            await settle();

            const due = this.timers.filter((t) => t.at <= end)
                .sort((a, b) => a.at - b.at)[0];

            if (!due) {
                break;
            }

            this.timers = this.timers.filter((t) => t !== due);
            this.now = Math.max(this.now, due.at);
            due.fn();
        }

        this.now = end;
        await settle();
    }

    /** The clock goes on, timers do not: a closed lid. */
    sleep(ms: number): void {
        this.now += ms;

        for (const timer of this.timers) {
            timer.at = Math.max(timer.at, this.now);
        }
    }

    private fetch(url: string, init: RequestLike): Promise<ResponseLike> {
        return new Promise((resolve, reject) => {
            const request: FakeRequest = {
                url, init, aborted: false, done: false,

                answer: (status, body, headers = {}) => {
                    request.done = true;
                    resolve({
                        status,
                        headers: { get: (name) => headers[name] ?? null },
                        text: () => Promise.resolve(body === undefined ? ''
                            : JSON.stringify(body)),
                    });
                },

                fail: () => {
                    request.done = true;
                    reject(new TypeError('network'));
                },
            };

            (init.signal as AbortSignal).addEventListener('abort', () => {
                request.aborted = true;
                reject(new TypeError('aborted'));
            });

            this.requests.push(request);
        });
    }
}


export function memory(): Keep & { map: Map<string, string> } {
    const map = new Map<string, string>();

    return {
        map,
        get: (key) => map.get(key) ?? null,
        set: (key, value) => void (value === null ? map.delete(key)
            : map.set(key, value)),
        keys: () => [...map.keys()],
    };
}


export function welcome(change: Partial<Welcome> = {}): Welcome {
    return { t: 'welcome', cursor: 'c1', reset: false, n: '0', link: 'up',
        limits: { text_max: 4000, ping_ms: 30_000, tail: 32 }, ...change };
}
