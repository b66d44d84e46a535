/*
 * What the library needs from the world.  Tests give fakes; browsers give
 * browserHost().  Only structure is declared here, so that no DOM types are
 * needed and nothing of the page can be reached by accident.
 */

export interface SocketLike {
    readonly readyState: number;
    onopen: ((e: never) => void) | null;
    onmessage: ((e: { data: unknown }) => void) | null;
    onclose: ((e: { code: number }) => void) | null;
    onerror: ((e: never) => void) | null;
    send(text: string): void;
    close(code?: number): void;
}

export interface SourceLike {
    onopen: ((e: never) => void) | null;
    onmessage: ((e: { data: unknown }) => void) | null;
    onerror: ((e: never) => void) | null;
    close(): void;
}

export interface ResponseLike {
    readonly status: number;
    readonly headers: { get(name: string): string | null };
    text(): Promise<string>;
}

export interface RequestLike {
    method: string;
    headers: Record<string, string>;
    credentials: 'same-origin';
    cache: 'no-store';
    body?: string;
    signal?: unknown;
}

export interface AbortLike {
    readonly signal: unknown;
    abort(): void;
}

export interface Host {
    /** Wall clock in ms: it goes on while a laptop sleeps. */
    now(): number;
    random(): number;
    setTimeout(fn: () => void, ms: number): unknown;
    clearTimeout(timer: unknown): void;
    fetch(url: string, init: RequestLike): Promise<ResponseLike>;
    AbortController: new () => AbortLike;
    WebSocket?: (new (url: string) => SocketLike) | undefined;
    EventSource?: (new (url: string) => SourceLike) | undefined;
    locks?: LocksLike | undefined;
}

export interface LocksLike {
    request(name: string, options: { signal?: unknown; ifAvailable?: boolean },
        held: (lock: unknown) => Promise<void> | undefined): Promise<unknown>;
}

/** A map of strings that may outlive the page. */
export interface Keep {
    get(key: string): string | null;
    /** null removes */
    set(key: string, value: string | null): void;
    keys(): string[];
}


interface StorageLike {
    readonly length: number;
    key(i: number): string | null;
    getItem(key: string): string | null;
    setItem(key: string, value: string): void;
    removeItem(key: string): void;
}

type Globals = Record<'Date' | 'Math', unknown> & {
    setTimeout: (fn: () => void, ms: number) => unknown;
    clearTimeout: (timer: unknown) => void;
    fetch: Host['fetch'];
    AbortController: Host['AbortController'];
    WebSocket?: Host['WebSocket'];
    EventSource?: Host['EventSource'];
    navigator?: { locks?: LocksLike };
};


/** The browser we run in. */
export function browserHost(): Host {
    const g = globalThis as unknown as Globals;

    return {
        now: () => Date.now(),
        random: () => Math.random(),
        setTimeout: (fn, ms) => g.setTimeout(fn, ms),
        clearTimeout: (timer) => g.clearTimeout(timer),
        fetch: (url, init) => g.fetch(url, init),
        AbortController: g.AbortController,
        WebSocket: g.WebSocket,
        EventSource: g.EventSource,
        locks: g.navigator?.locks,
    };
}


/**
 * sessionStorage or localStorage under a prefix.  Where storage is blocked or
 * full, memory takes over: the chat works on, only not across pages.
 */
export function storageKeep(kind: 'sessionStorage' | 'localStorage',
    prefix: string): Keep
{
    const memory = new Map<string, string>();
    let store: StorageLike | undefined;

    try {
        // the mere access throws where storage is blocked
        store = (globalThis as unknown as Record<string, StorageLike>)[kind];
    } catch {
        store = undefined;
    }

    return {
        get: (key) => {
            try {
                return memory.get(key) ?? store?.getItem(prefix + key) ?? null;
            } catch {
                return null;
            }
        },

        set: (key, value) => {
            memory.delete(key);

            try {
                if (value === null) {
                    store?.removeItem(prefix + key);
                    return;
                }

                if (store) {
                    store.setItem(prefix + key, value);
                    return;
                }
            } catch {
                // full or forbidden.  What is there is not true any more,
                // and without it there may be room
                try {
                    store!.removeItem(prefix + key);
                    store!.setItem(prefix + key, value!);
                    return;
                } catch {
                    // below
                }
            }

            if (value !== null) {
                memory.set(key, value);
            }
        },

        keys: () => {
            const found = new Set(memory.keys());

            for (let i = 0; store && i < store.length; i++) {
                const key = store.key(i);

                if (key?.startsWith(prefix)) {
                    found.add(key.slice(prefix.length));
                }
            }

            return [...found];
        },
    };
}


/** A name nobody else has: 82 bits in 16 letters and digits. */
export function randomName(host: Pick<Host, 'random'>): string {
    let name = '';

    while (name.length < 16) {
        name += Math.floor(host.random() * 36).toString(36);
    }

    return name;
}
