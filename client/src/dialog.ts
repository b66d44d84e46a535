/*
 * One dialog as its events tell it.  Pure: (state, what came) -> state.  The
 * server decides; here is only folded what it let happen.
 */

import { compareIds, idTime, num } from './ids.ts';
import type { Actor, ChatEvent, DialogView, EventView } from './types.ts';

export interface Typist {
    from: Actor;
    until_ms: number;
}

export interface DialogState {
    view: DialogView | undefined;
    /** By seq, each once; a hole is told by missing(). */
    events: EventView[];
    typing: Typist[];
}

const TYPING_MS = 5_000;
const TEXT_MAX = 120;

export const NO_DIALOG: DialogState =
    { view: undefined, events: [], typing: [] };


/**
 * A view a server gave: newer than ours, or the same, or of a dialog that
 * takes the place of ours.
 */
export function withView(s: DialogState, view: DialogView): DialogState {
    if (s.view && s.view.id !== view.id) {
        return { view, events: [], typing: [] };
    }

    return s.view && compareIds(s.view.last, view.last) > 0 ? s
        : { ...s, view };
}


/** Events in any order, known ones among them. */
export function withEvents(s: DialogState, news: EventView[]): DialogState {
    let { view, events, typing } = s;

    for (const event of news) {
        if (event.e === 'dialog_opened' && event.dialog !== view?.id) {
            // a new dialog begins: the old one is history
            if (view && compareIds(event.id, view.last) < 0) {
                continue;
            }

            view = undefined;
            events = [];
            typing = [];
        }

        if (view && event.dialog !== view.id) {
            continue;
        }

        events = insert(events, event);
        view = foldView(view, event);

        if (event.e === 'message_posted') {
            const { from } = event.body;

            typing = typing.filter((t) => !same(t.from, from));
        }
    }

    return { view, events, typing };
}


export function withTyping(s: DialogState, dialog: string, from: Actor,
    now_ms: number): DialogState
{
    if (s.view?.id !== dialog) {
        return s;
    }

    return {
        ...s,
        typing: [...s.typing.filter((t) => !same(t.from, from)
            && t.until_ms > now_ms), { from, until_ms: now_ms + TYPING_MS }],
    };
}


/** Those still typing; the same array if nobody stopped. */
export function typists(s: DialogState, now_ms: number): Typist[] {
    return s.typing.every((t) => t.until_ms > now_ms) ? s.typing
        : s.typing.filter((t) => t.until_ms > now_ms);
}


/**
 * After which seq to ask `history`; undefined: nothing is missing between the
 * first event we have and the last there is.  Without any event: the last
 * page of the dialog.
 */
export function missing(s: DialogState, page = 100): number | undefined {
    const { view, events } = s;

    if (!view) {
        return undefined;
    }

    const end = num(view.seq);
    let seq = num(events[0]?.seq) - 1;

    if (events.length === 0) {
        return end > 0 ? Math.max(0, end - page) : undefined;
    }

    for (const event of events) {
        if (num(event.seq) !== ++seq) {
            return seq - 1;
        }
    }

    return seq < end ? seq : undefined;
}


/** Where to ask from to see what was before; undefined: it is all here. */
export function earlier(s: DialogState, page = 100): number | undefined {
    const first = num(s.events[0]?.seq);

    return first > 1 ? Math.max(0, first - 1 - page) : undefined;
}


/** Is a write signed so among the events? */
export function hasSender(s: DialogState, sender: string): boolean {
    return s.events.some((e) => e.sender === sender);
}


/**
 * What one event does to a dialog's view; the same fold as
 * chat_dialog_apply(), kept true by t/vectors/dialog.jsonl.
 */
export function foldView(view: DialogView | undefined, event: EventView)
    : DialogView | undefined
{
    if (view && compareIds(event.id, view.last) <= 0) {
        return view;
    }

    const e = event as ChatEvent;
    const at = String(idTime(e.id));

    if (e.e === 'dialog_opened') {
        return clean({
            site: view?.site ?? '0', visitor: view?.visitor ?? '',
            id: e.dialog, state: 'queued', rev: '1', seq: e.seq ?? '1',
            last: e.id, opened_ms: at, queued_ms: at,
            name: e.body.name ?? view?.name, page: e.body.page ?? view?.page,
        });
    }

    if (!view) {
        return undefined;
    }

    const next: DialogView = { ...view, last: e.id, seq: e.seq ?? view.seq };
    const rev = String(num(view.rev) + 1);

    switch (e.e) {
    case 'message_posted':
        return clean({
            ...next, text: beginning(e.body.text),
            wait_ms: e.body.from.kind === 'visitor' ? view.wait_ms ?? at
                : e.body.from.kind === 'operator' ? undefined : view.wait_ms,
        });

    case 'dialog_taken':
        return clean({ ...next, rev, state: 'active',
            owner: e.body.operator.id, queued_ms: undefined });

    case 'dialog_released':
        return clean({ ...next, rev, state: 'queued', owner: undefined,
            queued_ms: at });

    case 'dialog_closed':
        return clean({ ...next, rev, state: 'closed', owner: undefined,
            queued_ms: undefined, wait_ms: undefined, closed_ms: at });

    case 'dialog_reopened':
        return clean({ ...next, rev, state: 'queued', owner: undefined,
            queued_ms: at, closed_ms: undefined });

    default:
        // an event of a newer server: only its place is understood
        return next;
    }
}


function insert(events: EventView[], event: EventView): EventView[] {
    const seq = num(event.seq);

    if (seq === 0) {
        return events;
    }

    let i = events.length;

    while (i > 0 && num(events[i - 1]!.seq) > seq) {
        i--;
    }

    if (i > 0 && num(events[i - 1]!.seq) === seq) {
        return events;
    }

    return [...events.slice(0, i), event, ...events.slice(i)];
}


/** Absent and undefined are the same to us, not to a comparison. */
function clean(view: { [K in keyof DialogView]: DialogView[K] | undefined })
    : DialogView
{
    return Object.fromEntries(Object.entries(view)
        .filter(([, value]) => value !== undefined)) as never;
}


/** By characters, not by halves of them. */
function beginning(text: string): string {
    return text.length <= TEXT_MAX ? text
        : Array.from(text).slice(0, TEXT_MAX).join('');
}


function same(a: Actor, b: Actor): boolean {
    return a.kind === b.kind && a.id === b.id;
}
