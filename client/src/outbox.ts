/*
 * What was written and is not known to be in the log.  Numbers make sending
 * again safe: the server accepts only last + 1 of an instance, so nothing is
 * lost and nothing is there twice, over lost connections, page changes and
 * even a store that lost its last seconds.
 *
 * One write is under way at a time.  The number of a waiting write is its
 * place: acked + 1, acked + 2 ...; a refused one leaves and the others move
 * up, as the protocol wants it.
 */

import { num } from './ids.ts';
import { randomName } from './host.ts';
import type { Host } from './host.ts';
import type { Ack, ErrorFrame, EventView, Welcome, Write, WriteCommand }
    from './types.ts';

export interface Entry {
    /** Ours, for lists and promises; stays when the number moves. */
    key: string;
    write: Write;
    at_ms: number;
    /** Not worth sending after this: "take" of an hour ago. */
    until_ms?: number;
    /** Was on its way once: the server may have it. */
    sent?: true;
    /** Where it is in the log, once acknowledged. */
    ack?: { id: string; dialog: string; seq?: string };
}

/** What survives the page: one value, so that it cannot be half written. */
export interface Saved {
    instance: string;
    acked: number;
    queue: Entry[];
    tail: Entry[];
}

/** An entry as it is shown; `sender` is how its event will be signed. */
export interface Pending extends Entry {
    sender: string;
}

export interface Refused {
    ok: false;
    code: string;
    text: string;
}

export type Result = { ok: true; ack: Entry['ack'] } | Refused;

export interface OutboxOptions {
    host: Host;
    saved: Saved | undefined;
    save(saved: Saved): void;
    /** false: no connection */
    send(command: WriteCommand): boolean;
    /** A new hello is needed: another instance, or numbers in doubt. */
    restart(): void;
    /** The server does not know us any more. */
    unauthorized(): void;
    changed(pending: Pending[]): void;
    settled(entry: Entry, result: Result): void;
}

const ANSWER_MS = 15_000;
const RETRY_MS = 1_000;
const TAIL = 32;

/* refusals of the connection, not of the write: it waits for better days */
export const NOT_ITS_FAULT = ['unauthorized', 'bad_csrf', 'bad_origin',
    'misdirected', 'suspended', 'expected_hello', 'method', 'media_type',
    'upgrade', 'length', 'insecure'];

/* errors that end a write; all others mean "the same number again".  Names
 * instead of the schema's table: that has texts the widget need not carry */
export const FINAL = ['bad_json', 'bad_field', 'unknown_command', 'too_large',
    'forbidden', 'not_found', 'conflict', 'closed'];


export class Outbox {
    #s: Saved;
    #live = false;
    #flying = false;
    #resting = false;       /* told to try again later */
    #at: number;            /* the number to be sent next */
    #tail_max = TAIL;
    #timer: unknown;

    constructor(private readonly o: OutboxOptions) {
        this.#s = o.saved ?? {
            instance: randomName(o.host), acked: 0, queue: [], tail: [],
        };
        this.#at = this.#s.acked + 1;
    }

    get instance(): string {
        return this.#s.instance;
    }

    /** Waiting and just acknowledged ones, in order. */
    get pending(): Pending[] {
        const { instance, acked, queue, tail } = this.#s;
        const first = acked - tail.length + 1;

        return [...tail, ...queue].map((entry, i) =>
            ({ ...entry, sender: instance + ':' + (first + i) }));
    }

    put(write: Write, ttl_ms?: number): Entry {
        const { host } = this.o;
        const entry: Entry = {
            key: randomName(host), write, at_ms: host.now(),
            ...(ttl_ms === undefined ? {} : { until_ms: host.now() + ttl_ms }),
        };

        this.#s.queue.push(entry);
        this.#keep();
        this.#flush();

        return entry;
    }

    /** Takes back a write that has not been sent yet. */
    cancel(key: string): boolean {
        const { queue } = this.#s;
        const i = queue.findIndex((e) => e.key === key);

        if (i < 0 || queue[i]!.sent) {
            return false;
        }

        queue.splice(i, 1);
        this.#keep();
        return true;
    }

    /** The connection is gone; what was under way may have arrived or not. */
    down(): void {
        this.#live = false;
        this.#landed();
    }

    /** The connection works, though no welcome said how far we came. */
    up(): void {
        if (!this.#live) {
            this.#live = true;
            this.#at = this.#s.acked + 1;
            this.#flush();
        }
    }

    welcome(w: Welcome): void {
        const n = num(w.n);
        const { acked, queue, tail } = this.#s;

        this.#landed();
        this.#live = true;
        this.#tail_max = Math.max(1, w.limits.tail);

        if (n > acked + queue.length) {
            // not our numbers: somebody else used this instance
            this.#renumber(queue);
            return;
        }

        if (n >= acked) {
            this.#accept(n);

        } else if (n > 0 && n >= acked - tail.length) {
            // the store lost its end: heal it from the tail
            this.#at = n + 1;
            this.#flush();
            return;

        } else {
            // without reset our instance was forgotten, not what it wrote
            this.#renumber([...(n > 0 ? tail : w.reset ? lost(tail, w) : []),
                ...queue]);
            return;
        }

        this.#expire();
        this.#at = this.#s.acked + 1;
        this.#flush();
    }

    ack(a: Ack): void {
        const n = num(a.n);

        if (!this.#flying || n !== this.#at) {
            return;
        }

        const where = {
            id: a.id, dialog: a.dialog,
            ...(a.seq === undefined ? {} : { seq: a.seq }),
        };

        this.#landed();

        if (n <= this.#s.acked) {
            const { tail, acked } = this.#s;

            tail[tail.length - 1 - (acked - n)]!.ack = where;
            this.#at = n + 1;
            this.#keep();

        } else {
            this.#s.queue[0]!.ack = where;
            this.#accept(n);
        }

        this.#flush();
    }

    /** An event of the log: proof, with or without an ack. */
    seen(event: EventView): void {
        const { instance, acked, queue, tail } = this.#s;
        const colon = event.sender?.lastIndexOf(':') ?? -1;

        if (event.sender?.slice(0, colon) !== instance) {
            return;
        }

        const n = Number(event.sender.slice(colon + 1));
        const entry = n > acked ? queue[n - acked - 1]
            : tail[tail.length - 1 - (acked - n)];

        if (entry && !entry.ack) {
            const { id, dialog, seq } = event;

            entry.ack = { id, dialog, ...(seq === undefined ? {} : { seq }) };

            if (n > acked && this.#live) {
                this.#landed();
                this.#accept(n);
                this.#flush();

            } else {
                this.#keep();
            }
        }
    }

    /** An error that names a number. */
    error(e: ErrorFrame): void {
        if (!this.#flying || num(e.n) !== this.#at) {
            return;
        }

        this.#landed();

        if (e.code === 'gap') {
            this.#gap(num(e.expected));

        } else if (NOT_ITS_FAULT.includes(e.code)) {
            this.#live = false;

            if (e.code === 'unauthorized') {
                this.o.unauthorized();
            }

        } else if (FINAL.includes(e.code)) {
            this.#refuse(e);
            this.#flush();

        } else {
            const { host } = this.o;
            const ms = Math.max(100, e.retry_ms ?? RETRY_MS);

            this.#resting = true;
            this.#timer = host.setTimeout(() => {
                this.#resting = false;

                if (this.#late().length > 0) {
                    // was it taken?  A welcome tells, and ends what was not
                    this.o.restart();
                } else {
                    this.#flush();
                }
            }, ms + Math.floor(host.random() * ms / 4));
        }
    }

    #gap(expected: number): void {
        const { acked, tail, queue } = this.#s;

        if (expected > acked) {
            // it has more of us than we knew
            if (expected > acked + queue.length + 1) {
                this.#renumber(queue);
                return;
            }

            this.#accept(expected - 1);
            this.#at = expected;

        } else if (expected > 1 && expected > acked - tail.length) {
            this.#at = expected;

        } else {
            // forgotten or lost? a welcome brings what is needed to tell
            this.o.restart();
            return;
        }

        this.#flush();
    }

    #flush(): void {
        const { host } = this.o;
        const { acked, queue, tail } = this.#s;
        const entry = this.#at > acked ? queue[this.#at - acked - 1]
            : tail[tail.length - 1 - (acked - this.#at)];

        if (!this.#live || this.#flying || this.#resting || !entry) {
            return;
        }

        const command =
            { ...entry.write, n: String(this.#at) } as WriteCommand;

        host.clearTimeout(this.#timer);

        if (this.o.send(command)) {
            this.#flying = true;

            if (!entry.sent) {
                entry.sent = true;
                this.#keep();
            }

            this.#timer = host.setTimeout(() => {
                this.#flying = false;
                this.#flush();
            }, ANSWER_MS);
        }
    }

    #landed(): void {
        this.#flying = this.#resting = false;
        this.o.host.clearTimeout(this.#timer);
    }

    /** Everything up to n is in the log. */
    #accept(n: number): void {
        const done = this.#s.queue.splice(0, n - this.#s.acked);

        this.#s.acked = n;
        this.#s.tail = [...this.#s.tail, ...done].slice(-this.#tail_max);
        this.#at = n + 1;
        this.#keep();

        for (const entry of done) {
            this.o.settled(entry, { ok: true, ack: entry.ack });
        }
    }

    #refuse({ code, text }: ErrorFrame): void {
        const { acked, queue, tail } = this.#s;
        let entry: Entry | undefined;

        if (this.#at > acked) {
            entry = queue.shift();

        } else {
            entry = tail.splice(tail.length - 1 - (acked - this.#at), 1)[0];
            this.#s.acked--;
        }

        this.#keep();

        if (entry) {
            this.o.settled(entry, { ok: false, code, text });
        }
    }

    #late(): Entry[] {
        const now = this.o.host.now();

        return this.#s.queue.filter((e) => (e.until_ms ?? now) < now);
    }

    #expire(): void {
        const late = this.#late();

        if (late.length === 0) {
            return;
        }

        this.#s.queue = this.#s.queue.filter((e) => !late.includes(e));
        this.#keep();

        for (const entry of late) {
            this.o.settled(entry,
                { ok: false, code: 'expired', text: 'Too late to send.' });
        }
    }

    /** Under a new name everything starts at 1. */
    #renumber(queue: Entry[]): void {
        this.#s = {
            instance: randomName(this.o.host), acked: 0, tail: [],
            queue: queue.map(({ ack: _, sent: __, ...entry }) => entry),
        };
        this.#at = 1;
        this.down();
        this.#keep();
        this.o.restart();
    }

    #keep(): void {
        this.o.save(this.#s);
        this.o.changed(this.pending);
    }
}


/*
 * The server does not know our instance.  Either sixteen others came after
 * it, and all we sent is in the log, or the log was lost.  The dialogs in the
 * welcome tell: what is beyond the end of its dialog is not there.
 */
function lost(tail: Entry[], w: Welcome): Entry[] {
    const ends = new Map<string, number>();

    for (const view of w.dialogs ?? (w.dialog ? [w.dialog] : [])) {
        ends.set(view.id, num(view.seq));
    }

    const visitor = w.dialogs === undefined;

    return tail.filter(({ write, ack }) => {
        if (write.t !== 'post_message' || !ack?.seq) {
            return false;
        }

        const end = ends.get(ack.dialog);

        return end === undefined ? visitor && !w.dialog : end < num(ack.seq);
    });
}
