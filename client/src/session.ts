/*
 * One connection that comes back.  It knows when to connect, by which
 * transport, when a link is dead though it looks alive, and how long to wait;
 * what the frames mean is its owner's business.
 *
 *   idle -> connecting -> live -> (waiting | offline) -> connecting ...
 *   any -> closed: until start() is called again
 */

import type { Host } from './host.ts';
import { available, openTransport } from './transport.ts';
import type { End, Transport, TransportName } from './transport.ts';
import type { Command, LinkState, ServerFrame } from './types.ts';

export type Phase =
    'idle' | 'connecting' | 'live' | 'waiting' | 'offline' | 'closed';

export interface Status {
    phase: Phase;
    /** The server's way to the store; `down`: it cannot take messages now. */
    store: LinkState;
    transport: TransportName;
    /** waiting: when the next try begins (host.now()) */
    retry_at?: number;
    /** closed: a bye's reason or an error's code */
    reason?: string;
}

export interface SessionOptions {
    host: Host;
    /** Ends with "/v1/". */
    url: string;
    instance(): string;
    cursor(): string | undefined;
    page?(): string;
    /** Does anybody wait for what comes?  If not, a way back may take longer. */
    watched(): boolean;
    headers?(): Record<string, string>;
    /** Frames in order; called for every kind. */
    frame(frame: ServerFrame): void;
    cursorMoved(cursor: string): void;
    /** Live, but no welcome came: the server had nothing to say. */
    resumed(): void;
    status(status: Status): void;
    /** The cursor was refused: forget it. */
    forget(): void;
    /** Get a new identity; false: there is none to be had (log in). */
    renew(): Promise<boolean>;
    /** The transport to begin with, if it is known what works here. */
    prefer?: TransportName | undefined;
    /** Tells what worked, to be remembered. */
    worked?(name: TransportName): void;
}

const OPEN_MS = 10_000;
const SILENT_MS = 8_000;
const HELD_POLL_MS = 1_500;
const PROBE_MS = 3_000;
const PING_MS = 30_000;
const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 30_000;
const OFFLINE_RETRY_MS = 30_000;
const TICK_MS = 5_000;
/* hidden tabs get their timers once a minute: that is not a sleep */
const NAP_MS = 20_000;
const SLEEP_MS = 120_000;
const UPGRADE_MS = 60_000;
const LOYAL_MISSES = 6;
const ORDER: TransportName[] = ['ws', 'sse', 'poll'];

/** Reasons of `closed` that coming back would not change. */
export const FATAL = ['suspended', 'misdirected', 'bad_origin', 'forbidden',
    'not_found'];


export class Session {
    #status: Status;
    #link: Transport | undefined;
    #generation = 0;
    #attempts = 0;
    #misses = 0;
    #ever_live = false;
    #renewed = false;
    #offline = false;
    #bye_ms: number | undefined;
    #ws_worked = false;
    #live_at = 0;

    #ping_ms = PING_MS;
    #return_ms = 0;
    #heard = 0;
    #heard_stream = 0;
    #asked = 0;
    #patience = 0;

    #opening: unknown;
    #watching: unknown;
    #retry: unknown;
    #ticking: unknown;
    #ticked = 0;

    constructor(private readonly o: SessionOptions) {
        const first = o.prefer ?? 'ws';

        this.#status = {
            phase: 'idle', store: 'up',
            transport: available(o.host, first) ? first : this.#next('ws'),
        };
    }

    get live(): boolean {
        return this.#status.phase === 'live';
    }

    start(): void {
        if (this.#status.phase === 'idle' || this.#status.phase === 'closed') {
            this.#attempts = 0;
            this.#renewed = false;
            this.#tick();
            this.#connect();
        }
    }

    /** Ends for good: the page goes away, the visitor logs out. */
    stop(reason = 'stopped'): void {
        this.#drop();
        this.o.host.clearTimeout(this.#ticking);
        this.#ticking = undefined;
        this.#set({ phase: 'closed', reason });
    }

    /** Comes back at once, with a new hello. */
    restart(): void {
        if (this.#status.phase !== 'idle' && this.#status.phase !== 'closed') {
            this.#connect();
        }
    }

    send(command: Command): boolean {
        if (!this.live || !this.#link) {
            return false;
        }

        this.#link.send(command);
        return true;
    }

    /** The browser says there is a network, or the tab is looked at again. */
    wake(network_changed = false): void {
        this.#offline = false;

        if (network_changed && !this.live) {
            // another network: what worked on the last one says nothing
            this.#ever_live = false;
            this.#misses = 0;
            this.#prefer('ws');
        }

        if (this.#status.phase === 'waiting'
            || this.#status.phase === 'offline'
            // it is being tried by the way of the last network
            || (network_changed && this.#status.phase === 'connecting'
                && this.#link))
        {
            this.#attempts = 0;
            this.#connect();

        } else if (this.live) {
            this.#probe();
        }
    }

    /** The browser says there is no network.  It may be wrong: we go on. */
    networkLost(): void {
        this.#offline = true;

        if (this.live) {
            this.#probe();

        } else if (this.#status.phase === 'waiting') {
            this.#backoff();
        }
    }

    /** An answer to a command said that we are nobody here. */
    unauthorized(): void {
        void this.#renew();
    }

    #connect(): void {
        const { host } = this.o;

        this.#drop();

        const generation = this.#generation;
        const name = this.#status.transport;
        const mine = (): boolean => generation === this.#generation;

        this.#bye_ms = undefined;
        this.#set({ phase: 'connecting' });

        this.#opening = host.setTimeout(() => this.#failed({}), OPEN_MS);

        this.#link = openTransport(name, {
            host,
            url: this.o.url,
            instance: this.o.instance(),
            cursor: () => this.o.cursor(),
            headers: () => this.o.headers?.() ?? {},
        }, {
            open: () => mine() && this.#opened(),
            frames: (frames, streamed) => {
                this.#hear(mine(), streamed);

                for (const frame of frames) {
                    if (mine()) {
                        this.#take(frame);
                    }
                }
            },
            cursor: (cursor) => {
                if (mine()) {
                    this.o.cursorMoved(cursor);
                    this.#resumed();
                }
            },
            end: (why) => mine() && this.#failed(why),
        });
    }

    #opened(): void {
        const { host } = this.o;

        host.clearTimeout(this.#opening);

        if (this.#link?.says_hello) {
            const cursor = this.o.cursor();
            const page = this.o.page?.();

            this.#link.send({
                t: 'hello', instance: this.o.instance(),
                ...(cursor ? { cursor } : {}), ...(page ? { page } : {}),
            });
        }

        // a held poll is the good case; another way open but silent is not:
        // some proxies swallow frames, or keep a stream until it ends
        this.#opening = this.#status.transport === 'poll'
            ? host.setTimeout(() => this.#resumed(), HELD_POLL_MS)
            : host.setTimeout(() => this.#failed({}), SILENT_MS);
    }

    #take(frame: ServerFrame): void {
        switch (frame.t) {
        case 'welcome':
            // clients that came together shall not ask together
            this.#ping_ms = Math.max(1000, frame.limits.ping_ms)
                * (1 - this.o.host.random() / 4);
            this.#return_ms = frame.limits.return_ms ?? 0;
            this.#set({ store: frame.link });
            this.#alive();
            break;

        case 'link':
            // before a welcome, too: the server waits for its store
            this.#set({ store: frame.link });
            this.#alive();
            break;

        case 'ack':
        case 'event':
            // a poll is not told of the link
            if (this.#status.transport === 'poll') {
                this.#set({ store: 'up' });
            }
            break;

        case 'bye':
            this.#bye_ms = frame.after_ms;
            this.o.frame(frame);
            this.#leave(frame.reason, frame.resume);
            return;

        case 'error':
            if (frame.n === undefined && this.#refused(frame.code)) {
                return;
            }
            break;
        }

        this.o.frame(frame);
    }

    /** An error about the connection itself. */
    #refused(code: string): boolean {
        if (code === 'bad_cursor') {
            this.o.forget();
            this.#drop();
            this.#backoff();
            return true;
        }

        if (code === 'unauthorized') {
            void this.#renew();
            return true;
        }

        // of a command, when there was a welcome already
        const its_own = code === 'forbidden' || code === 'not_found';

        if (FATAL.includes(code) && !(its_own && this.live)) {
            this.stop(code);
            return true;
        }

        return false;
    }

    #leave(reason: string, resume: boolean): void {
        if (!resume) {
            this.stop(reason);
            return;
        }

        this.#drop();
        this.#pause(this.#spread(this.#bye_ms ?? 0));
    }

    /** A poll that goes on without a welcome. */
    #resumed(): void {
        if (this.#status.phase === 'connecting') {
            this.#alive();
            this.o.resumed();
        }
    }

    /** Frames flow: whatever went wrong before is over. */
    #alive(): void {
        if (this.#status.phase !== 'connecting') {
            return;
        }

        this.o.host.clearTimeout(this.#opening);
        this.#attempts = 0;
        this.#misses = 0;
        this.#ever_live = true;
        this.#renewed = false;
        this.#asked = 0;
        this.#heard = this.#heard_stream = this.#live_at = this.o.host.now();
        this.#ws_worked = this.#ws_worked || this.#status.transport === 'ws';
        this.#set({ phase: 'live' });
        this.o.worked?.(this.#status.transport);
        this.#watch();
    }

    #failed(why: End): void {
        const was_live = this.live;

        this.#drop();

        if (why.code === 4001 || why.status === 401) {
            void this.#renew();
            return;
        }

        if (why.status === 403 || why.status === 421 || why.status === 404) {
            this.stop(why.status === 404 ? 'not_found' : 'forbidden');
            return;
        }

        if (why.code === 1012 || why.code === 1013 || why.code === 4008) {
            this.#pause(this.#spread(this.#bye_ms ?? 2000));
            return;
        }

        if (!was_live && this.#fallback()) {
            this.#connect();
            return;
        }

        this.#backoff(why.retry_ms);
    }

    /**
     * This transport did not come alive: is another one worth trying, now?
     * A way that has worked before is not given up easily, since then it is
     * the server that is away, and trying more ways is more load.
     */
    #fallback(): boolean {
        this.#misses++;

        if (this.#ever_live && this.#misses < LOYAL_MISSES) {
            return false;
        }

        const from = this.#status.transport;
        const to = this.#next(from);

        this.#misses = 0;
        this.#prefer(to);

        return !this.#ever_live && ORDER.indexOf(to) > ORDER.indexOf(from);
    }

    #next(name: TransportName): TransportName {
        for (let i = 1; i <= ORDER.length; i++) {
            const to = ORDER[(ORDER.indexOf(name) + i) % ORDER.length]!;

            if (available(this.o.host, to)) {
                return to;
            }
        }

        return 'poll';
    }

    #prefer(name: TransportName): void {
        if (available(this.o.host, name)) {
            this.#set({ transport: name });
        }
    }

    /**
     * Full jitter: a herd that fell together does not come back together, and
     * those whom nobody looks at leave the way to those who are waited for.
     */
    #backoff(at_least = 0): void {
        const first = Math.max(BACKOFF_MS,
            this.o.watched() ? 0 : this.#return_ms);
        const cap = Math.min(BACKOFF_MAX_MS,
            first * 2 ** Math.min(this.#attempts++, 10));

        if (this.#offline) {
            this.#pause(OFFLINE_RETRY_MS, 'offline');
            return;
        }

        this.#pause(at_least + this.#spread(cap));
    }

    #spread(ms: number): number {
        return Math.floor(this.o.host.random() * ms);
    }

    #pause(ms: number, phase: 'waiting' | 'offline' = 'waiting'): void {
        const { host } = this.o;

        host.clearTimeout(this.#retry);
        this.#retry = host.setTimeout(() => this.#connect(), ms);
        this.#set({ phase, retry_at: host.now() + ms });
    }

    /** The identity is gone: once per connection a new one may be had. */
    async #renew(): Promise<void> {
        this.#drop();

        if (this.#renewed) {
            this.stop('unauthorized');
            return;
        }

        const generation = this.#generation;

        this.#renewed = true;
        this.#set({ phase: 'connecting' });

        let fresh: boolean | undefined;

        try {
            fresh = await this.o.renew();
        } catch {
            fresh = undefined;
        }

        if (generation !== this.#generation) {
            return;
        }

        if (fresh) {
            // a refused WebSocket looks like a blocked one: start over
            this.#misses = 0;
            this.#prefer(this.o.prefer ?? 'ws');
            this.#connect();

        } else if (fresh === false) {
            this.stop('unauthorized');

        } else {
            this.#renewed = false;
            this.#backoff();
        }
    }

    #hear(mine: boolean, streamed: boolean): void {
        if (!mine) {
            return;
        }

        this.#heard = this.o.host.now();
        this.#asked = 0;

        if (streamed) {
            this.#heard_stream = this.#heard;
        }
    }

    #probe(): void {
        if (!this.#asked && this.#link) {
            this.#asked = this.o.host.now();
            this.#patience = PROBE_MS;
            this.#link.send({ t: 'ping' });
            this.#watch();
        }
    }

    /** Arms the next look at the silence. */
    #watch(): void {
        const { host } = this.o;
        const due = this.#asked ? this.#asked + this.#patience
            : this.#heard + this.#ping_ms;

        host.clearTimeout(this.#watching);
        this.#watching = host.setTimeout(() => this.#look(),
            Math.min(this.#ping_ms, Math.max(0, due - host.now())));
    }

    #look(): void {
        const now = this.o.host.now();

        if (!this.live || !this.#link) {
            return;
        }

        // answers to POST prove nothing about the stream beside them
        const mute = this.#status.transport !== 'ws'
            && now - this.#heard_stream >= 3 * this.#ping_ms;

        if (mute || (this.#asked && now - this.#asked >= this.#patience)) {
            this.#failed({});
            return;
        }

        if (!this.#asked && now - this.#heard >= this.#ping_ms) {
            this.#asked = now;
            this.#patience = this.#ping_ms;
            this.#link.send({ t: 'ping' });
        }

        this.#watch();
    }

    /** Timers stand still while a machine sleeps; its clock does not. */
    #tick(): void {
        const { host } = this.o;
        const now = host.now();
        const jump = this.#ticking === undefined ? 0
            : Math.abs(now - this.#ticked - TICK_MS);

        this.#ticked = now;
        this.#ticking = host.setTimeout(() => this.#tick(), TICK_MS);

        if (jump > SLEEP_MS) {
            this.#attempts = 0;
            this.restart();

        } else if (jump > NAP_MS && this.live) {
            this.#heard = now;
            this.#probe();

        } else if (this.live && this.#status.transport !== 'ws'
                   && this.#ws_worked && now - this.#live_at > UPGRADE_MS)
        {
            // a long outage made us try everything: back to the best way
            this.#ws_worked = this.#ever_live = false;
            this.#prefer('ws');
            this.restart();
        }
    }

    #drop(): void {
        const { host } = this.o;

        this.#generation++;
        host.clearTimeout(this.#opening);
        host.clearTimeout(this.#watching);
        host.clearTimeout(this.#retry);
        this.#link?.close();
        this.#link = undefined;
        this.#asked = 0;
    }

    #set(change: Partial<Status>): void {
        const { retry_at: _, reason: __, ...rest } = this.#status;

        this.#status = { ...(change.phase ? rest : this.#status), ...change };
        this.o.status(this.#status);
    }
}
