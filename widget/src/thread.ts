/* The messages of a dialog: what is shown, in which groups, with which marks. */

import { idTime } from '../../client/src/index.ts';
import type { Actor, ChatEvent, DialogState, Pending }
    from '../../client/src/index.ts';
import { h } from './dom.ts';
import type { Item } from './dom.ts';
import type { Language } from './i18n/en.ts';
import { ALERT, CHAT, CHECK, CLOCK, icon } from './icons.ts';
import type { Failed } from './model.ts';
import { initials, isEmoji, links } from './text.ts';

type Mark = 'sending' | 'sent' | 'refused' | undefined;

/** A line of the thread, before it is grouped. */
interface Line {
    key: string;
    ms: number;
    /** A message; else a remark in the middle. */
    by?: Actor;
    text: string;
    mark?: Mark;
    failed?: Failed;
}

export interface Acts {
    retry(failed: Failed): void;
    discard(failed: Failed): void;
}

const GROUP_MS = 300_000;


export function threadItems(dialog: DialogState, pending: Pending[],
    failed: Failed[], lang: Language, now_ms: number, acts: Acts): Item[]
{
    const lines = [
        ...dialog.events.flatMap((e) => line(e as ChatEvent, lang)),
        ...pending.map((p): Line => ({
            key: p.sender, ms: p.ack ? idTime(p.ack.id) : p.at_ms,
            by: { kind: 'visitor' }, mark: p.ack ? 'sent' : 'sending',
            text: p.write.t === 'post_message' ? p.write.text : '',
        })),
        ...failed.map((f): Line => ({
            key: f.key, ms: f.at_ms, by: { kind: 'visitor' }, text: f.text,
            mark: 'refused', failed: f,
        })),
    ];
    const items: Item[] = [];
    const dates = new Dates(lang.tag, now_ms);
    let day = '';

    lines.forEach((l, i) => {
        const today = dates.day(l.ms);
        const turned = today !== day;
        const before = turned ? undefined : lines[i - 1];
        const after = lines[i + 1];

        if (turned) {
            day = today;
            items.push({ key: 'day:' + today, sign: '',
                make: () => h('div', { class: 'day' }, today) });
        }

        if (!l.by) {
            items.push({ key: l.key, sign: l.text,
                make: () => h('div', { class: 'note' }, l.text) });
            return;
        }

        const first = !together(before, l);
        const last = !together(l, after) || dates.day(after!.ms) !== today;
        const time = dates.time(l.ms);

        items.push({
            key: l.key,
            sign: `${first} ${last} ${l.mark} ${time}`,
            make: () => message(l, first, last, time, lang, acts),
        });
    });

    return items;
}


function line(e: ChatEvent, { t }: Language): Line[] {
    const base = { key: e.sender ?? e.id, ms: idTime(e.id) };
    const note = (text: string): Line[] => [{ ...base, key: e.id, text }];

    switch (e.e) {
    case 'message_posted':
        return [{ ...base, by: e.body.from, text: e.body.text,
            mark: e.body.from.kind === 'visitor' ? 'sent' : undefined }];

    case 'dialog_taken':
        return note(t.joined(e.body.operator.name ?? t.operator));

    case 'dialog_released':
        return note(t.released);

    case 'dialog_reopened':
        return note(t.reopened);

    case 'dialog_closed':
        return note(e.body.reason === 'idle' ? t.ended_idle
            : e.body.reason === 'visitor' ? t.ended_by_you : t.ended);

    default:
        return [];
    }
}


function together(a: Line | undefined, b: Line | undefined): boolean {
    return !!a?.by && !!b?.by && a.by.kind === b.by.kind
        && a.by.id === b.by.id && b.ms - a.ms < GROUP_MS
        && a.mark !== 'refused';
}


function message(l: Line, first: boolean, last: boolean, time: string,
    { t }: Language, acts: Acts): HTMLElement
{
    const mine = l.by!.kind === 'visitor';
    const name = mine ? t.you : l.by!.name ?? t.operator;
    const large = isEmoji(l.text);
    const stamp = h('time', { datetime: new Date(l.ms).toISOString() }, time);

    return h('div', { class: ['msg', mine ? 'mine' : 'theirs',
        first && 'first', large && 'large', l.mark === 'sending' && 'waits',
        l.mark === 'refused' && 'refused'].filter(Boolean).join(' ') },
    !mine && first && h('div', { class: 'face', 'aria-hidden': 'true' },
        initials(name) || icon(CHAT)),
    h('div', { class: mine || !first ? 'hush' : 'name' }, name),
    h('div', { class: 'bubble', dir: 'auto' }, ...words(l.text)),
    l.failed ? h('div', { class: 'meta' }, icon(ALERT), t.not_sent,
        h('button', { type: 'button', on: {
            click: () => acts.retry(l.failed!) } }, t.retry),
        h('button', { type: 'button', on: {
            click: () => acts.discard(l.failed!) } }, t.remove))
        : (last || l.mark === 'sending') && h('div', { class: 'meta' }, stamp,
            l.mark === 'sending' ? icon(CLOCK, t.sending)
                : l.mark && icon(CHECK, t.sent)));
}


function words(text: string): (Node | string)[] {
    return links(text).map(({ text: part, href }) => href === undefined ? part
        : h('a', { href, target: '_blank',
            rel: 'noopener noreferrer nofollow ugc' }, part));
}


class Dates {
    readonly #clock: Intl.DateTimeFormat;
    readonly #date: Intl.DateTimeFormat;
    readonly #dated: Intl.DateTimeFormat;
    readonly #near: Intl.RelativeTimeFormat;
    readonly #midnight: number;

    constructor(tag: string, private readonly now_ms: number) {
        this.#clock = new Intl.DateTimeFormat(tag,
            { timeStyle: 'short' });
        this.#date = new Intl.DateTimeFormat(tag,
            { weekday: 'long', day: 'numeric', month: 'long' });
        this.#dated = new Intl.DateTimeFormat(tag,
            { day: 'numeric', month: 'long', year: 'numeric' });
        this.#near = new Intl.RelativeTimeFormat(tag, { numeric: 'auto' });
        this.#midnight = new Date(now_ms).setHours(0, 0, 0, 0);
    }

    time(ms: number): string {
        return this.#clock.format(ms);
    }

    day(ms: number): string {
        // by midnights of this place: days are not always 24 hours
        const days = Math.round(
            (new Date(ms).setHours(0, 0, 0, 0) - this.#midnight) / 86_400_000);
        const text = days === 0 || days === -1 ? this.#near.format(days, 'day')
            : new Date(ms).getFullYear() === new Date(this.now_ms).getFullYear()
                ? this.#date.format(ms) : this.#dated.format(ms);

        return text.charAt(0).toLocaleUpperCase() + text.slice(1);
    }
}
