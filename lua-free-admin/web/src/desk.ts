/*
 * What an operator has on the desk: lists, threads, the connection, and what
 * can be done.  Views render it; only this file talks to the client library.
 */

import { ChatClient, EMPTY_INBOX, NO_DIALOG, atom, browserHost, claimInstance,
    inboxEvent, inboxPresence, inboxWelcome, missing, num, saveInstance,
    storageKeep, typists, withEvents, withTyping, withView }
    from '../../../client/src/index.ts';
import type { Atom, Claim, DialogState, Entry, InboxState, Pending,
    ServerFrame, Status, Write } from '../../../client/src/index.ts';
import { API, api } from './api.ts';
import type { Me } from './api.ts';

export interface Refusal {
    key: string;
    dialog: string;
    text: string;
    /** What was written, to be taken up again. */
    draft?: string;
}

/** A "take" older than this is not what anybody wants any more. */
const DECISION_TTL_MS = 60_000;
const TYPING_EVERY_MS = 2_500;
const LATEST = 100;


export class Desk {
    readonly status: Atom<Status>;
    readonly pending: Atom<Pending[]>;
    readonly inbox: Atom<InboxState> = atom(EMPTY_INBOX);
    readonly threads: Atom<ReadonlyMap<string, DialogState>> = atom(new Map());
    readonly selected: Atom<string | undefined> = atom(undefined);
    readonly refusals: Atom<Refusal[]> = atom([]);
    /** Last seq the operator has looked at, by dialog. */
    readonly seen: Atom<ReadonlyMap<string, number>> = atom(new Map());
    readonly loading: Atom<ReadonlySet<string>> = atom(new Set());

    private readonly drafts = storageKeep('sessionStorage', 'chat.draft.');
    private readonly asked = new Map<string, number>();
    private typed_at = 0;

    private constructor(readonly me: Me, private readonly client: ChatClient,
        private readonly claim: Claim)
    {
        this.status = client.status;
        this.pending = client.pending;

        client.frames((frame) => this.take(frame));

        client.status.watch(({ phase }) => {
            if (phase !== 'live') {
                // answers to what was asked do not come any more
                this.asked.clear();
            }
        });

        setInterval(() => this.expire(), 1000);
    }

    static async open(me: Me, ended: () => void): Promise<Desk> {
        const host = browserHost();
        const mine = `chat.op.${me.operator.id}.`;
        const tab = storageKeep('sessionStorage', mine);
        const shared = storageKeep('localStorage', mine);
        const claim = await claimInstance(host, tab, shared);

        const client = new ChatClient({
            host,
            url: location.origin + API,
            saved: claim.saved,
            save: (saved) => saveInstance(tab, shared, saved),
            headers: () => ({ 'X-CSRF': me.csrf }),
            watched: () => true,
            refused: (entry, why) => desk.refuse(entry, why.text),
            renew: async () => {
                const answer = await api.me();

                if (!answer.ok && answer.code === 'unauthorized') {
                    ended();
                }

                return answer.ok;
            },
        });

        const desk = new Desk(me, client, claim);

        client.status.watch(({ phase, reason }) => {
            if (phase === 'closed' && reason !== 'stopped') {
                ended();
            }
        });

        addEventListener('online', () => client.wake(true));
        addEventListener('offline', () => client.networkLost());
        addEventListener('pageshow', (e) => e.persisted && client.wake());
        document.addEventListener('visibilitychange', () => {
            if (document.visibilityState === 'visible') {
                client.wake();
                desk.look();
            }
        });

        client.start();

        return desk;
    }

    stop(): void {
        this.client.stop();
        this.claim.release();
    }

    retry(): void {
        this.client.wake();
    }

    select(id: string | undefined): void {
        this.selected.set(id);
        this.look();
        this.complete(id);
    }

    /** false: the server has not heard of it, the login is still good. */
    async leave(): Promise<boolean> {
        const answer = await api.logout(this.me.csrf);

        if (!answer.ok && answer.code !== 'unauthorized') {
            return false;
        }

        this.stop();
        return true;
    }

    takeDialog(dialog: string): void {
        this.decide({ t: 'take_dialog', dialog });
    }

    releaseDialog(dialog: string): void {
        this.decide({ t: 'release_dialog', dialog });
    }

    closeDialog(dialog: string): void {
        this.decide({ t: 'close_dialog', dialog });
    }

    post(dialog: string, text: string): void {
        this.client.write({ t: 'post_message', dialog, text });
        this.drafts.set(dialog, null);
    }

    dismiss(key: string): void {
        this.refusals.update((list) => list.filter((r) => r.key !== key));
    }

    draft(dialog: string): string {
        return this.drafts.get(dialog) ?? '';
    }

    /** Kept over reloads of the page; others see that somebody types. */
    keepDraft(dialog: string, text: string): void {
        this.drafts.set(dialog, text || null);

        if (text && Date.now() - this.typed_at > TYPING_EVERY_MS) {
            this.typed_at = Date.now();
            this.client.send({ t: 'typing', dialog });
        }
    }

    name(operator: string | undefined): string {
        const { me, colleagues } = this.inbox.get();

        return (me?.id === operator ? me?.name
            : colleagues.find((c) => c.id === operator)?.name) ?? '';
    }

    /** Once: the second click of an impatient hand would be refused. */
    private decide(write: Write): void {
        const under_way = this.client.pending.get().some((p) => !p.ack
            && p.write.t === write.t && p.write.dialog === write.dialog);

        if (!under_way) {
            this.client.write(write, DECISION_TTL_MS);
        }
    }

    private refuse({ key, write }: Entry, text: string): void {
        const refusal: Refusal = {
            key, text, dialog: write.dialog ?? '',
            ...(write.t === 'post_message' ? { draft: write.text } : {}),
        };

        this.refusals.update((list) => [...list, refusal].slice(-20));
    }

    private take(frame: ServerFrame): void {
        switch (frame.t) {
        case 'welcome':
            this.inbox.update((s) => inboxWelcome(s, frame));
            this.asked.clear();

            if (frame.reset) {
                this.threads.set(new Map());
            }

            for (const view of frame.dialogs ?? []) {
                this.changeThread(view.id, (s) => withView(s, view), true);
            }

            this.look();
            this.complete(this.selected.get());
            break;

        case 'event':
            this.inbox.update((s) => inboxEvent(s, frame));
            this.changeThread(frame.dialog, (s) => withEvents(s, [frame]), true);

            if (this.inbox.get().unknown) {
                this.client.refresh();
                break;
            }

            this.look();
            this.complete(frame.dialog);
            break;

        case 'history':
            this.loaded(frame.dialog);
            this.changeThread(frame.dialog,
                (s) => withEvents(s, frame.events));
            this.complete(frame.dialog);
            break;

        case 'typing':
            this.changeThread(frame.dialog, (s) =>
                withTyping(s, frame.dialog, frame.from, Date.now()), true);
            break;

        case 'presence':
            this.inbox.update((s) => inboxPresence(s, frame.operators ?? []));
            break;

        default:
            // the connection's own frames, and those of newer servers
            break;
        }
    }

    /** Threads are kept only once they have been opened. */
    private changeThread(id: string, change: (s: DialogState) => DialogState,
        only_known = false): void
    {
        const old = this.threads.get().get(id);

        if (!old && only_known) {
            return;
        }

        const view = this.inbox.get().dialogs.get(id);
        const base = old ?? (view ? withView(NO_DIALOG, view) : NO_DIALOG);
        const next = change(base);

        if (next !== old) {
            this.threads.update((all) => new Map(all).set(id, next));
        }
    }

    /** Asks for what is missing of an opened thread, one page at a time. */
    private complete(id: string | undefined): void {
        if (!id || (id !== this.selected.get() && !this.threads.get().has(id))) {
            return;
        }

        this.changeThread(id, (s) => s);

        const thread = this.threads.get().get(id);
        const after = thread && missing(thread, LATEST);

        if (after === undefined || this.asked.get(id) === after) {
            return;
        }

        if (this.client.send(
            { t: 'history', dialog: id, after: String(after) }))
        {
            this.asked.set(id, after);

            if (thread?.events.length === 0) {
                this.loading.update((all) => new Set(all).add(id));
            }
        }
    }

    /** Pages before the first event we have. */
    earlier(id: string, after: number): void {
        this.client.send({ t: 'history', dialog: id, after: String(after) });
    }

    private loaded(id: string): void {
        this.asked.delete(id);
        this.loading.update((all) => {
            const rest = new Set(all);

            rest.delete(id);
            return rest;
        });
    }

    private look(): void {
        const id = this.selected.get();
        const view = id ? this.inbox.get().dialogs.get(id) : undefined;

        if (!view || document.visibilityState !== 'visible') {
            return;
        }

        const seq = num(view.seq);

        if (this.seen.get().get(view.id) !== seq) {
            this.seen.update((all) => new Map(all).set(view.id, seq));
        }
    }

    /** Who stopped typing without a word. */
    private expire(): void {
        const now = Date.now();
        let changed = false;
        const next = new Map(this.threads.get());

        for (const [id, thread] of next) {
            const typing = typists(thread, now);

            if (typing !== thread.typing) {
                next.set(id, { ...thread, typing });
                changed = true;
            }
        }

        if (changed) {
            this.threads.set(next);
        }
    }
}
