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
const FREE = 'free';
const BOX = 'out:';
const WAIT_MS = 500;


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
        const release = host.locks ? await lock(host, own, WAIT_MS)
            : tab.get(FREE) === own ? leaver(tab, own) : undefined;

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

        if (!saved || !host.locks
            || (saved.queue.length === 0 && !stale(host, saved)))
        {
            continue;
        }

        const release = await lock(host, name, 0);

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

    return {
        saved: fresh(name),
        release: host.locks && await lock(host, name, 0) || leaver(tab, name),
    };
}


/**
 * Keeps what an outbox wants kept.  The place stays, and the lock on it, even
 * when the outbox goes on as another instance.
 */
export function saveInstance(tab: Keep, shared: Keep, saved: Saved): void {
    shared.set(BOX + (tab.get(MINE) ?? saved.instance), JSON.stringify(saved));
}


function fresh(instance: string): Saved {
    return { instance, acked: 0, queue: [], tail: [] };
}


function load(shared: Keep, name: string): Saved | undefined {
    try {
        const saved = JSON.parse(shared.get(BOX + name) ?? '') as Saved;

        return saved.instance && Number.isInteger(saved.acked)
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


/*
 * Without locks (plain HTTP, old browsers) a page that goes leaves a mark for
 * the next one.  A duplicate is copied from a page that is there: no mark.
 */
function leaver(tab: Keep, name: string): () => void {
    tab.set(FREE, null);

    return () => tab.set(FREE, name);
}


/** undefined: another tab holds it. */
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
