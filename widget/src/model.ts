/*
 * What the panel shows, without the showing: connection, dialog, unread,
 * draft.  Survives the page: thread and cursor together per tab, messages
 * under way in storage that outlives a tab.
 */

import { ChatClient, NO_DIALOG, atom, browserHost, claimInstance, compareIds,
    earlier, hasSender, missing, num, saveInstance, storageKeep,
    withEvents, withTyping, withView } from '../../client/src/index.ts';
import type { Atom, DialogState, Pending, ServerFrame, Status,
    TransportName, Write } from '../../client/src/index.ts';
import { BUSY, PREFIX } from './contract.ts';

export interface Failed {
    key: string;
    text: string;
    at_ms: number;
}

export interface Model {
    status: Atom<Status>;
    /** Anybody there?  undefined: not known yet. */
    online: Atom<boolean | undefined>;
    dialog: Atom<DialogState>;
    /** Written here, not yet among the events. */
    pending: Atom<Pending[]>;
    failed: Atom<Failed[]>;
    unread: Atom<number>;
    text_max(): number;

    /** The panel is open and looked at: what is there has been read. */
    looked(at: boolean): void;
    start(): void;
    post(text: string): void;
    end(): void;
    retry(failed: Failed): void;
    discard(failed: Failed): void;
    typing(): void;
    earlier(): void;
    reconnect(): void;
    draft(): string;
    saveDraft(text: string): void;
}

const THREAD = 'thread';
const DRAFT = 'draft';
const SEEN = 'seen';
const KNOWN = 'known';
const WAY = 'way';
const CACHED = 60;
const AGAIN_MS = 5_000;
const TYPING_MS = 2_000;
const WAY_MS = 600_000;
const PAGE_MAX = 2000;

interface Cached {
    cursor: string;
    dialog: DialogState;
}


export function createModel(base: string): Model {
    const host = browserHost();
    const tab = storageKeep('sessionStorage', PREFIX);
    const shared = storageKeep('localStorage', PREFIX);
    const cached = read<Cached>(tab.get(THREAD));

    const status = atom<Status>(
        { phase: 'idle', store: 'up', transport: 'ws' });
    const online = atom<boolean | undefined>(undefined);
    const dialog = atom<DialogState>(
        cached ? { ...cached.dialog, typing: [] } : NO_DIALOG);
    const pending = atom<Pending[]>([]);
    const failed = atom<Failed[]>([]);
    const unread = atom(0);

    const unsent: Write[] = [];

    let chat: ChatClient | undefined;
    let cursor = cached?.cursor;
    let leave = (): void => undefined;
    let starting: Promise<void> | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    let looking = false;
    let going_on = false;
    let unsent_kept = false;
    let typed_ms = 0;
    let asked = '';

    const take = (frame: ServerFrame): void => {
        switch (frame.t) {
        case 'welcome':
            asked = '';
            online.set(frame.online);
            dialog.update((s) => withEvents(
                frame.dialog ? withView(frame.reset ? NO_DIALOG : s,
                    frame.dialog) : frame.reset ? NO_DIALOG : s,
                frame.events ?? []));
            break;

        case 'event':
            dialog.update((s) => withEvents(s, [frame]));
            break;

        case 'history':
            dialog.update((s) => s.view?.id === frame.dialog
                ? withEvents(s, frame.events) : s);
            break;

        case 'typing':
            if (frame.from.kind !== 'visitor') {
                dialog.update((s) =>
                    withTyping(s, frame.dialog, frame.from, host.now()));
            }
            return;

        case 'presence':
            online.set(frame.online ?? online.get());
            return;

        default:
            return;
        }

        ask(missing(dialog.get()));
        tally();
    };

    /** Asks for what is missing, once for each hole and connection. */
    const ask = (after: number | undefined): void => {
        const id = dialog.get().view?.id;

        if (id && after !== undefined && asked !== id + after
            && chat?.send({ t: 'history', dialog: id, after: String(after) }))
        {
            asked = id + after;
        }
    };

    /** Counts what others wrote since it was last looked at. */
    const tally = (): void => {
        const { events, view } = dialog.get();
        const last = events[events.length - 1];

        if (looking && last) {
            shared.set(SEEN, last.id);
        }

        const seen = shared.get(SEEN) ?? '0';

        unread.set(events.filter((e) => e.e === 'message_posted'
            && e.body.from.kind === 'operator'
            && compareIds(e.id, seen) > 0).length);

        busy(view !== undefined && view.state !== 'closed');
    };

    /** Pages to come shall connect even if the panel is not opened. */
    const busy = (on: boolean): void => {
        going_on = on;
        shared.set(BUSY, on || unsent_kept ? '1' : null);
    };

    const keepThread = (): void => {
        const s = dialog.get();

        // without holes: what is cut off is asked for when scrolled to
        tab.set(THREAD, cursor && missing(s) === undefined
            ? JSON.stringify({ cursor, dialog:
                { ...s, events: s.events.slice(-CACHED), typing: [] } })
            : null);
    };

    const visible = (list: Pending[]): void => {
        const s = dialog.get();
        const end = num(s.view?.seq);

        pending.set(list.filter((p) => p.write.t === 'post_message'
            && !hasSender(s, p.sender)
            && !(p.ack && s.view && (p.ack.dialog < s.view.id
                || (p.ack.dialog === s.view.id && num(p.ack.seq) <= end)))));
    };

    /** The cookie is the identity; storage only knows that there is one. */
    const identify = async (): Promise<boolean> => {
        const r = await fetch(base + 'v1/visitor',
            { method: 'POST', credentials: 'same-origin' });

        if (!r.ok) {
            if (r.status === 403 || r.status === 421) {
                return false;
            }
            throw new Error(String(r.status));
        }

        const { expires_ms } = await r.json() as { expires_ms: string };

        shared.set(KNOWN, expires_ms);
        return true;
    };

    /** The outbox is there before the connection: what is written is kept. */
    const prepare = async (): Promise<ChatClient> => {
        const { saved, release } = await claimInstance(host, tab, shared);
        const way = read<{ name: TransportName; ms: number }>(
            shared.get(WAY));

        const client = new ChatClient({
            host, saved, cursor,
            url: base + 'v1/',
            save: (s) => {
                saveInstance(tab, shared, s);
                unsent_kept = s.queue.length > 0;
                busy(going_on);
            },
            cursorMoved: (c) => {
                cursor = c;
                keepThread();
            },
            page: () => location.href.slice(0, PAGE_MAX),
            watched: () => looking,
            refused: ({ key, write }) => {
                if (write.t === 'post_message') {
                    failed.update((list) => [...list, {
                        key, text: write.text, at_ms: host.now(),
                    }]);
                }
            },
            renew: identify,
            prefer: way && host.now() - way.ms < WAY_MS ? way.name : undefined,
            worked: (name) => shared.set(WAY, name === 'ws' ? null
                : JSON.stringify({ name, ms: host.now() })),
        });

        client.frames(take);

        const off = [
            client.pending.watch(visible),
            dialog.watch(() => visible(client.pending.get())),
            client.status.watch((s) => s.phase !== 'idle' && status.set(s)),
        ];

        leave = () => {
            off.forEach((fn) => fn());
            client.stop();
            release();
            chat = undefined;
        };

        return client;
    };

    const begin = async (): Promise<void> => {
        if (!chat) {
            chat = await prepare();
            unsent.splice(0).forEach(send);
        }

        status.set({ ...status.get(), phase: 'connecting' });

        if (num(shared.get(KNOWN) ?? '0') > host.now() + 60_000
            || await identify())
        {
            chat.start();

        } else {
            status.set({ ...status.get(), phase: 'closed',
                reason: 'forbidden' });
        }
    };

    const start = (): void => {
        const phase = chat?.status.get().phase;

        if (phase && phase !== 'idle' && phase !== 'closed') {
            return;
        }

        clearTimeout(again);

        starting ??= begin().catch(() => {
            // spread out: whoever fell together must not come back together
            const ms = AGAIN_MS * (0.5 + host.random());

            status.set({ ...status.get(), phase: 'waiting',
                retry_at: host.now() + ms });
            again = setTimeout(start, ms);

        }).finally(() => {
            starting = undefined;
        });
    };

    const send = (write: Write): void => {
        if (!chat) {
            unsent.push(write);
            return;
        }

        chat.write(write, write.t === 'post_message' ? undefined : 60_000);
    };

    const post = (text: string): void => {
        send({ t: 'post_message', text,
            page: location.href.slice(0, PAGE_MAX) });
        start();
    };

    const discard = ({ key }: Failed): void =>
        failed.update((list) => list.filter((f) => f.key !== key));

    addEventListener('online', () => chat?.wake(true));
    addEventListener('offline', () => chat?.networkLost());
    document.addEventListener('visibilitychange', () => {
        if (document.visibilityState === 'visible') {
            chat?.wake();
        }
    });

    // another tab has looked at it
    addEventListener('storage', (e) => {
        if (e.key === PREFIX + SEEN) {
            tally();
        }
    });

    // a page that goes must not hold the connection, nor the instance
    let left = false;

    addEventListener('pagehide', () => {
        left = chat !== undefined;
        leave();
    });
    addEventListener('pageshow', (e) => {
        if (e.persisted && left) {
            start();
        }
    });

    tally();

    return {
        status, online, dialog, pending, failed, unread, post, discard,
        text_max: () => chat?.limits.get().text_max ?? 4000,

        looked: (at) => {
            looking = at;
            tally();

            if (at) {
                chat?.wake();
            }
        },

        start,
        end: () => send({ t: 'close_dialog' }),

        retry: (f) => {
            discard(f);
            post(f.text);
        },

        typing: () => {
            const state = dialog.get().view?.state;

            if (state && state !== 'closed'
                && host.now() - typed_ms > TYPING_MS
                && chat?.send({ t: 'typing' }))
            {
                typed_ms = host.now();
            }
        },

        earlier: () => ask(earlier(dialog.get())),
        reconnect: () => {
            start();
            chat?.wake();
        },
        draft: () => tab.get(DRAFT) ?? '',
        saveDraft: (text) => tab.set(DRAFT, text || null),
    };
}


function read<T>(text: string | null): T | undefined {
    try {
        return text ? JSON.parse(text) as T : undefined;
    } catch {
        return undefined;
    }
}
