/*
 * A dialog in a list: who, where, the last words, how long somebody waits.
 */

import { idTime, num } from '../../../../client/src/index.ts';
import type { DialogView } from '../../../../client/src/index.ts';
import type { Desk } from '../desk.ts';
import { clock, elapsed, t } from '../i18n/index.ts';
import { Avatar } from '../ui/Avatar.tsx';
import { Icon } from '../ui/Icon.tsx';
import { useAtom } from '../ui/hooks.ts';
import { visitorName } from '../ui/names.ts';

/** Waiting looks calm, then warm, then hot: half and all of the target. */
const TARGET_MS = 60_000;


function Wait({ since, now }: { since: number; now: number }) {
    const ms = now - since;
    const heat = ms > TARGET_MS ? 'hot' : ms > TARGET_MS / 2 ? 'warm' : 'calm';
    const time = elapsed(ms);

    return (
        <span class={`wait ${heat}`} title={t('wait_label', { time })}>
            <Icon name="clock" />{time}
        </span>
    );
}


/** One row of a list takes part in Tab; the arrows go to the others. */
export function Row({ desk, view, now, selected, tab }: {
    desk: Desk; view: DialogView; now: number; selected: boolean; tab: boolean;
})
{
    const seen = useAtom(desk.seen).get(view.id) ?? 0;
    const { sites } = useAtom(desk.inbox);
    const site = sites.length > 1
        ? sites.find((s) => s.id === view.site)?.name : undefined;
    const since = view.state === 'closed' ? undefined
        : view.wait_ms ?? view.queued_ms;
    const fresh = view.wait_ms !== undefined && num(view.seq) > seen
        && view.state !== 'closed';
    const name = visitorName(view);

    return (
        <button class={`row ${fresh ? 'fresh' : ''}`}
            aria-current={selected ? 'true' : undefined}
            tabIndex={tab ? 0 : -1}
            onClick={() => desk.select(view.id)}>
            <Avatar id={view.visitor} name={name} />
            <span class="row-body">
                <span class="row-head">
                    <span class="row-name">{name}</span>
                    {since !== undefined
                        ? <Wait since={num(since)} now={now} />
                        : <time class="quiet">{clock(idTime(view.last))}</time>}
                </span>
                <span class="row-text" dir="auto">{view.text || ' '}</span>
                {site || view.state === 'active' && view.owner !== desk.me.operator.id
                    ? <span class="row-tags">
                        {site ? <span class="tag">{site}</span> : null}
                        {view.state === 'active'
                            && view.owner !== desk.me.operator.id
                            ? <span class="tag">{desk.name(view.owner)}</span>
                            : null}
                    </span> : null}
            </span>
        </button>
    );
}
