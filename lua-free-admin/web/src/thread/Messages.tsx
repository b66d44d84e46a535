/*
 * Events as people read them: bubbles grouped by author, days between them,
 * what else happened as notes.  One's own words stand there at once, marked
 * until they are in the log.
 */

import { hasSender, idTime } from '../../../../client/src/index.ts';
import type { ChatEvent, DialogState, DialogView, EventView, Pending }
    from '../../../../client/src/index.ts';
import type { Desk } from '../desk.ts';
import { clock, day, t } from '../i18n/index.ts';
import { Icon } from '../ui/Icon.tsx';
import { Text } from '../ui/Text.tsx';
import { visitorName } from '../ui/names.ts';

/** Messages of one author within this time form a group. */
const GROUP_MS = 5 * 60_000;


/** A page's address as people say it: no scheme, no query. */
function place(page: string): string {
    return page.replace(/^https?:\/\//, '').replace(/[?#].*$/, '');
}


/** What a note says; undefined: nothing to show. */
function note(event: ChatEvent): string | undefined {
    switch (event.e) {
    case 'dialog_opened':
        return event.body.page
            ? t('ev_opened_page', { page: place(event.body.page) }) : t('ev_opened');
    case 'dialog_taken':
        return t('ev_taken', { name: event.body.operator.name ?? '' });
    case 'dialog_closed':
        return t(`ev_closed_${event.body.reason}`,
            { name: event.body.by.name ?? '' });
    case 'dialog_released':
        return t(`ev_released_${event.body.reason}`,
            { name: event.body.by.name ?? '' });
    case 'dialog_reopened':
        return t('ev_reopened');
    default:
        return undefined;
    }
}


function Bubble({ text, ours, author, time, mark }: {
    text: string; ours: boolean; author?: string | undefined; time: number;
    mark?: 'pending' | 'sent' | undefined;
}) {
    return (
        <div class={`bubble ${ours ? 'ours' : 'theirs'}`}>
            {author ? <small class="author">{author}</small> : null}
            <p dir="auto"><Text text={text} /></p>
            <span class="meta">
                <time dateTime={new Date(time).toISOString()}>{clock(time)}</time>
                {mark ? <span class={`mark ${mark}`} title={t(mark)} role="img"
                    aria-label={t(mark)}>
                    <Icon name={mark === 'sent' ? 'check' : 'clock'} />
                </span> : null}
            </span>
        </div>
    );
}


function authorOf(event: EventView): string {
    const e = event as ChatEvent;

    return e.e === 'message_posted'
        ? e.body.from.kind + (e.body.from.id ?? '') : '';
}


export function Messages({ desk, view, thread, pending }: {
    desk: Desk; view: DialogView; thread: DialogState; pending: Pending[];
}) {
    const me = desk.me.operator.id;
    const rows = [];
    let last_day = '';
    let last_author = '';
    let last_ms = 0;

    for (const event of thread.events) {
        const e = event as ChatEvent;
        const ms = idTime(event.id);
        const today = day(ms);

        if (today !== last_day) {
            rows.push(<p class="day" key={`day${event.id}`}>{today}</p>);
            last_day = today;
            last_author = '';
        }

        if (e.e === 'message_posted') {
            const ours = e.body.from.kind === 'operator';
            const author = authorOf(event);
            const first = author !== last_author || ms - last_ms > GROUP_MS;
            const mine = ours && e.body.from.id === me;

            rows.push(<Bubble key={event.id} text={e.body.text} ours={ours}
                time={ms} mark={mine ? 'sent' : undefined}
                author={!first || mine ? undefined
                    : ours ? e.body.from.name : visitorName(view)} />);
            last_author = author;
            last_ms = ms;
            continue;
        }

        const said = note(e);

        if (said) {
            rows.push(<p class="note" key={event.id}>
                {said} <time>{clock(ms)}</time></p>);
            last_author = '';
        }
    }

    for (const p of pending) {
        if (p.write.t === 'post_message' && p.write.dialog === view.id
            && !hasSender(thread, p.sender) && !landed(p, thread))
        {
            rows.push(<Bubble key={p.key} text={p.write.text} ours={true}
                time={p.at_ms} mark={p.ack ? 'sent' : 'pending'} />);
        }
    }

    return <>{rows}</>;
}


/** Acknowledged, and older than what is shown: it is history, not news. */
function landed(p: Pending, thread: DialogState): boolean {
    const first = thread.events[0];

    return p.ack?.seq !== undefined && first?.seq !== undefined
        && Number(p.ack.seq) < Number(first.seq);
}
