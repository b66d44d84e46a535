/*
 * Session and outbox joined: what a widget or a cabinet talks to.
 *
 *   const chat = new ChatClient({ host, url, saved, save, ... });
 *   chat.frames((frame) => ...);      every frame of the server, in order
 *   chat.status.watch((s) => ...);    how the connection is
 *   chat.pending.watch((list) => ...); written, not yet seen in the log
 *   chat.write({ t: 'post_message', text }).done   when it is in the log
 */

import type { Host } from './host.ts';
import { Outbox } from './outbox.ts';
import type { Entry, Pending, Refused, Result, Saved } from './outbox.ts';
import { Session } from './session.ts';
import type { Status } from './session.ts';
import { atom } from './store.ts';
import type { Atom } from './store.ts';
import type { TransportName } from './transport.ts';
import type { Cmd, Limits, ServerFrame, Write } from './types.ts';

export interface ClientOptions {
    host: Host;
    /** Ends with "/v1/": where ws, events, poll and send are. */
    url: string;
    /** Where a page before this one had come to. */
    cursor?: string | undefined;
    saved?: Saved | undefined;
    /** Called with every change of the outbox. */
    save(saved: Saved): void;
    /** Called after a frame that carries a cursor was processed. */
    cursorMoved?(cursor: string | undefined): void;
    page?(): string;
    /** Is it looked at?  Then it comes back sooner when it was cut. */
    watched(): boolean;
    headers?(): Record<string, string>;
    /** Refused for good: a write of this page, or of one before it. */
    refused?(entry: Entry, why: Refused): void;
    renew(): Promise<boolean>;
    prefer?: TransportName | undefined;
    worked?(name: TransportName): void;
}

export interface Written {
    entry: Entry;
    done: Promise<Result>;
}

const DEFAULT_LIMITS: Limits = { text_max: 4000, ping_ms: 30_000, tail: 32 };


export class ChatClient {
    readonly status: Atom<Status>;
    readonly pending: Atom<Pending[]>;
    readonly limits: Atom<Limits> = atom(DEFAULT_LIMITS);

    readonly #session: Session;
    readonly #outbox: Outbox;
    readonly #waiting = new Map<string, (r: Result) => void>();
    readonly #ears = new Set<(frame: ServerFrame) => void>();
    /** For history, without an answer yet, by dialog. */
    readonly #questions = new Map<string, Cmd<'history'>>();
    #asking: unknown;
    #cursor: string | undefined;

    constructor(private readonly o: ClientOptions) {
        this.#cursor = o.cursor;

        this.#outbox = new Outbox({
            host: o.host,
            saved: o.saved,
            save: o.save,
            send: (command) => this.#session.send(command),
            restart: () => this.#session.restart(),
            unauthorized: () => this.#session.unauthorized(),
            changed: (pending) => this.pending?.set(pending),
            settled: (entry, result) => {
                this.#waiting.get(entry.key)?.(result);
                this.#waiting.delete(entry.key);

                if (!result.ok) {
                    o.refused?.(entry, result);
                }
            },
        });

        this.#session = new Session({
            host: o.host,
            url: o.url,
            instance: () => this.#outbox.instance,
            cursor: () => this.#cursor,
            frame: (frame) => this.#take(frame),
            cursorMoved: (cursor) => this.#move(cursor),
            resumed: () => {
                this.#outbox.up();
                this.#ask();
            },
            status: (status) => this.#told(status),
            forget: () => this.#move(undefined),
            renew: () => o.renew(),
            watched: () => o.watched() || this.#outbox.pending.length > 0,
            ...(o.page ? { page: o.page } : {}),
            ...(o.headers ? { headers: o.headers } : {}),
            ...(o.prefer ? { prefer: o.prefer } : {}),
            ...(o.worked ? { worked: o.worked } : {}),
        });

        this.pending = atom(this.#outbox.pending);
        this.status = atom<Status>(
            { phase: 'idle', store: 'up', transport: o.prefer ?? 'ws' });
    }

    get instance(): string {
        return this.#outbox.instance;
    }

    start(): void {
        this.#session.start();
    }

    stop(): void {
        this.#session.stop();
    }

    /** The tab is looked at again, or the network is back. */
    wake(network_changed = false): void {
        this.#session.wake(network_changed);
    }

    networkLost(): void {
        this.#session.networkLost();
    }

    /** Says hello without a cursor: gives up what we have for the truth. */
    refresh(): void {
        this.#move(undefined);
        this.#session.restart();
    }

    /** Goes out in order, now or when it can; with a ttl, or never. */
    write(write: Write, ttl_ms?: number): Written {
        let settle: (r: Result) => void = () => undefined;
        const done = new Promise<Result>((resolve) => {
            settle = resolve;
        });
        const entry = this.#outbox.put(write, ttl_ms);

        this.#waiting.set(entry.key, settle);

        return { entry, done };
    }

    cancel(key: string): boolean {
        return this.#outbox.cancel(key);
    }

    /**
     * false: not connected, and not worth keeping.  A history is asked for
     * until it comes or a welcome tells what is missing now.
     */
    send(command: Cmd<'typing'> | Cmd<'history'>): boolean {
        const sent = this.#session.send(command);

        if (sent && command.t === 'history') {
            this.#questions.set(command.dialog, command);
        }

        return sent;
    }

    frames(ear: (frame: ServerFrame) => void): () => void {
        this.#ears.add(ear);
        return () => void this.#ears.delete(ear);
    }

    #take(frame: ServerFrame): void {
        const cursor = 'cursor' in frame ? frame.cursor : undefined;

        // listeners may ask questions, which are of what they see
        this.#cursor = cursor ?? this.#cursor;
        this.#answered(frame);

        // what listeners see comes before what the outbox makes of it, so
        // that an event is there when its pending entry goes
        for (const ear of [...this.#ears]) {
            ear(frame);
        }

        // ... or forget where they are
        if (cursor !== undefined && cursor === this.#cursor) {
            this.#move(cursor);
        }

        switch (frame.t) {
        case 'welcome':
            this.limits.set(frame.limits);
            frame.events?.forEach((event) => this.#outbox.seen(event));
            this.#outbox.welcome(frame);
            break;

        case 'event':
            this.#outbox.seen(frame);
            break;

        case 'ack':
            this.#outbox.ack(frame);
            break;

        case 'error':
            if (frame.n !== undefined) {
                this.#outbox.error(frame);
            }
            break;
        }
    }

    /** A refusal does not say of which question: all are asked again. */
    #answered(frame: ServerFrame): void {
        if (frame.t === 'welcome') {
            this.#questions.clear();

        } else if (frame.t === 'history') {
            this.#questions.delete(frame.dialog);

        } else if (frame.t === 'error' && frame.n === undefined
            && frame.retry_ms !== undefined)
        {
            this.#asking ??= this.o.host.setTimeout(() => {
                this.#asking = undefined;
                this.#ask();
            }, frame.retry_ms);
        }
    }

    #ask(): void {
        this.#questions.forEach((q) => this.#session.send(q));
    }

    #move(cursor: string | undefined): void {
        this.#cursor = cursor;
        this.o.cursorMoved?.(cursor);
    }

    #told(status: Status): void {
        if (status.phase !== 'live') {
            this.#outbox.down();
        }

        this.status?.set(status);
    }
}
