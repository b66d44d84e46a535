/*
 * The dialogs an operator sees, as lists.  Pure.
 */

import { foldView } from './dialog.ts';
import { compareIds, num } from './ids.ts';
import type { DialogView, EventFrame, OperatorView, SiteView, Welcome }
    from './types.ts';

export interface InboxState {
    me: OperatorView | undefined;
    sites: SiteView[];
    colleagues: OperatorView[];
    dialogs: ReadonlyMap<string, DialogView>;
    /** Dialogs of which we heard without knowing them: say hello anew. */
    unknown: boolean;
}

export interface Lists {
    /** Who waits longest is first. */
    queue: DialogView[];
    /** Waiting visitors first, longest wait first; then by last event. */
    mine: DialogView[];
    others: DialogView[];
    /** Last closed first. */
    closed: DialogView[];
}

export const EMPTY_INBOX: InboxState = {
    me: undefined, sites: [], colleagues: [], dialogs: new Map(),
    unknown: false,
};


export function inboxWelcome(s: InboxState, w: Welcome): InboxState {
    const dialogs = new Map(w.reset ? [] : s.dialogs);

    for (const view of w.dialogs ?? []) {
        const old = dialogs.get(view.id);

        if (!old || compareIds(old.last, view.last) <= 0) {
            dialogs.set(view.id, view);
        }
    }

    return {
        me: w.operator ?? s.me,
        sites: w.sites ?? s.sites,
        colleagues: w.colleagues ?? s.colleagues,
        dialogs,
        unknown: false,
    };
}


export function inboxEvent(s: InboxState, f: EventFrame): InboxState {
    const old = s.dialogs.get(f.dialog);
    const known = f.view && (!old || compareIds(old.last, f.view.last) < 0)
        ? f.view : old;

    if (!known) {
        return { ...s, unknown: true };
    }

    const view = foldView(known, f);

    if (!view || view === old) {
        return s;
    }

    return { ...s, dialogs: new Map(s.dialogs).set(view.id, view) };
}


/** Colleagues whose state changed. */
export function inboxPresence(s: InboxState, news: OperatorView[])
    : InboxState
{
    const by_id = new Map(s.colleagues.map((c) => [c.id, c]));

    for (const c of news) {
        by_id.set(c.id, { ...by_id.get(c.id), ...c });
    }

    return { ...s, colleagues: [...by_id.values()] };
}


export function inboxLists(s: InboxState): Lists {
    const lists: Lists = { queue: [], mine: [], others: [], closed: [] };

    for (const view of s.dialogs.values()) {
        if (view.state === 'queued') {
            lists.queue.push(view);

        } else if (view.state === 'closed') {
            lists.closed.push(view);

        } else if (s.me !== undefined && view.owner === s.me.id) {
            lists.mine.push(view);

        } else {
            lists.others.push(view);
        }
    }

    lists.queue.sort((a, b) => num(a.queued_ms) - num(b.queued_ms)
        || (a.id < b.id ? -1 : 1));
    lists.mine.sort(byWait);
    lists.others.sort(byWait);
    lists.closed.sort((a, b) => num(b.closed_ms) - num(a.closed_ms)
        || compareIds(b.last, a.last));

    return lists;
}


function byWait(a: DialogView, b: DialogView): number {
    const wait_a = a.wait_ms === undefined ? Infinity : num(a.wait_ms);
    const wait_b = b.wait_ms === undefined ? Infinity : num(b.wait_ms);

    return (wait_a === wait_b ? 0 : wait_a - wait_b)
        || compareIds(b.last, a.last);
}
