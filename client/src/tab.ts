/*
 * Which instance a tab is.  The number of a write belongs to one instance, so
 * two tabs must never be the same one: a duplicated tab comes with a copy of
 * the storage of the first.  Whoever holds the lock of a name is it.
 */

import { randomName } from './host.ts';
import type { Host, Keep } from './host.ts';
import type { Saved } from './outbox.ts';

export interface Claim {
    saved: Saved;
    release(): void;
}

const MINE = 'instance';
const BOX = 'out:';
const WAIT_MS = 500;
const ASK_MS = 150;


/**
 * The tab's own instance, if no other tab holds it; else one that died with
 * unsent messages (its tab was closed, its browser crashed); else a new one.
 * `tab` lives as long as the tab, `shared` is seen by all tabs of the site.
 */
export async function claimInstance(host: Host, tab: Keep, shared: Keep)
    : Promise<Claim>
{
    const own = tab.get(MINE);

    if (own) {
        // the page before this one may hold it for another moment
        const release = await hold(host, own, WAIT_MS);

        if (release) {
            return {
                saved: load(shared, own) ?? fresh(own),
                release,
            };
        }
    }

    for (const key of shared.keys()) {
        const name = key.startsWith(BOX) ? key.slice(BOX.length) : '';
        const saved = name && name !== own ? load(shared, name) : undefined;

        if (!saved || (saved.queue.length === 0 && !stale(host, saved))) {
            continue;
        }

        const release = await hold(host, name, 0);

        if (!release) {
            continue;
        }

        if (saved.queue.length > 0) {
            tab.set(MINE, name);
            return { saved, release };
        }

        // nothing to send and long gone
        shared.set(BOX + name, null);
        release();
    }

    const name = randomName(host);

    tab.set(MINE, name);

    return { saved: fresh(name), release: await hold(host, name, 0) ?? none };
}


/** Keeps what an outbox wants kept; one that changed its name moves. */
export function saveInstance(tab: Keep, shared: Keep, saved: Saved): void {
    const old = tab.get(MINE);

    if (old && old !== saved.instance) {
        shared.set(BOX + old, null);
    }

    tab.set(MINE, saved.instance);
    shared.set(BOX + saved.instance, JSON.stringify(saved));
}


function fresh(instance: string): Saved {
    return { instance, acked: 0, queue: [], tail: [] };
}


function load(shared: Keep, name: string): Saved | undefined {
    try {
        const saved = JSON.parse(shared.get(BOX + name) ?? '') as Saved;

        return saved.instance === name && Number.isInteger(saved.acked)
            && Array.isArray(saved.queue) && Array.isArray(saved.tail)
            ? saved : undefined;

    } catch {
        return undefined;
    }
}


/** A day without a write, and its tab is closed: of no use to anybody. */
function stale(host: Host, saved: Saved): boolean {
    const last = saved.tail[saved.tail.length - 1];

    return host.now() - (last?.at_ms ?? 0) > 86_400_000;
}


function none(): void {
    // nothing was held
}


/** undefined: another tab holds it. */
async function hold(host: Host, name: string, wait_ms: number)
    : Promise<(() => void) | undefined>
{
    return host.locks ? lock(host, name, wait_ms) : ask(host, name);
}


function lock(host: Host, name: string, wait_ms: number)
    : Promise<(() => void) | undefined>
{
    return new Promise((resolve) => {
        const control = new host.AbortController();
        const timer = wait_ms > 0
            ? host.setTimeout(() => control.abort(), wait_ms) : undefined;

        host.locks!.request('chat:' + name, wait_ms > 0
            ? { signal: control.signal } : { ifAvailable: true },
        (held) => {
            host.clearTimeout(timer);

            if (!held) {
                resolve(undefined);
                return undefined;
            }

            return new Promise<void>((release) => resolve(release));
        }).catch(() => resolve(undefined));
    });
}


/*
 * Without locks (old browsers, plain HTTP): ask the other tabs, and answer
 * whoever asks for ours.
 */
function ask(host: Host, name: string): Promise<(() => void) | undefined> {
    const Channel = host.BroadcastChannel;

    if (!Channel) {
        return Promise.resolve(none);
    }

    return new Promise((resolve) => {
        const channel = new Channel('chat:instance');
        const me = randomName(host);

        const timer = host.setTimeout(() => {
            channel.onmessage = ({ data }) => {
                if ((data as { ask?: string }).ask === name) {
                    channel.postMessage({ held: name });
                }
            };

            resolve(() => channel.close());
        }, ASK_MS);

        channel.onmessage = ({ data }) => {
            const { ask: other, by, held } =
                data as { ask?: string; by?: string; held?: string };

            // two that ask at the same time: the greater name yields
            if (held === name || (other === name && by && by < me)) {
                host.clearTimeout(timer);
                channel.close();
                resolve(undefined);
            }
        };

        channel.postMessage({ ask: name, by: me });
    });
}
