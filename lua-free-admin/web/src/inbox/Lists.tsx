/*
 * Queue, mine, colleagues, closed: tabs over one list.  Arrow keys walk it.
 */

import { useEffect, useRef, useState } from 'preact/hooks';

import type { DialogView, Lists as InboxLists }
    from '../../../../client/src/index.ts';
import type { Desk } from '../desk.ts';
import { t } from '../i18n/index.ts';
import { Icon } from '../ui/Icon.tsx';
import { useNow } from '../ui/hooks.ts';
import { Row } from './Row.tsx';

const tabs = ['queue', 'mine', 'others', 'closed'] as const;
type Tab = typeof tabs[number];


/** Where a dialog is listed now. */
function tabOf(lists: InboxLists, id: string | undefined): Tab | undefined {
    return tabs.find((tab) => lists[tab].some((d) => d.id === id));
}


/** Where a key leads among so many; undefined: it is no key of ours. */
function target(key: string, at: number, count: number, back: string,
    on: string): number | undefined
{
    switch (key) {
    case back:
        return Math.max(at - 1, 0);
    case on:
        return Math.min(at + 1, count - 1);
    case 'Home':
        return 0;
    case 'End':
        return count - 1;
    default:
        return undefined;
    }
}


function walk(e: KeyboardEvent, items: string, back: string, on: string): void {
    const all = [...(e.currentTarget as HTMLElement)
        .querySelectorAll<HTMLElement>(items)];
    const next = target(e.key,
        all.indexOf(document.activeElement as HTMLElement), all.length,
        back, on);

    if (next !== undefined) {
        e.preventDefault();
        all[next]?.focus();
    }
}


export function Lists({ desk, lists, selected }:
    { desk: Desk; lists: InboxLists; selected: string | undefined })
{
    const now = useNow();
    const [tab, setTab] = useState<Tab>('queue');
    const before = useRef<Tab | undefined>(undefined);
    const place = tabOf(lists, selected);

    // the open dialog went elsewhere (taken, ended): follow it
    useEffect(() => {
        if (place && before.current && place !== before.current
            && tab === before.current)
        {
            setTab(place);
        }

        before.current = place;
    }, [place, selected]);

    // the arrows work at once, whatever has taken the focus away
    useEffect(() => {
        const arrow = (e: KeyboardEvent): void => {
            if (/^Arrow(Up|Down)$/.test(e.key)
                && document.activeElement === document.body)
            {
                e.preventDefault();
                document.querySelector<HTMLElement>('.row[tabindex="0"]')
                    ?.focus();
            }
        };

        addEventListener('keydown', arrow);
        return () => removeEventListener('keydown', arrow);
    }, []);

    const rows: DialogView[] = lists[tab];
    const tabbed = Math.max(0, rows.findIndex((d) => d.id === selected));

    return (
        <nav class="lists">
            <div class="tabs" role="tablist"
                onKeyDown={(e) => walk(e, '[role=tab]', 'ArrowLeft',
                    'ArrowRight')}>
                {tabs.map((name) => (
                    <button key={name} role="tab" id={`tab-${name}`}
                        aria-selected={name === tab} aria-controls="rows"
                        tabIndex={name === tab ? 0 : -1}
                        onFocus={() => setTab(name)}
                        onClick={() => setTab(name)}>
                        {t(`tab_${name}`)}
                        {name !== 'closed' && lists[name].length > 0
                            ? <b class={name === 'queue' ? 'count hot' : 'count'}>
                                {lists[name].length}
                            </b> : null}
                    </button>
                ))}
            </div>
            <div class="rows" id="rows" role="tabpanel"
                aria-labelledby={`tab-${tab}`}
                onKeyDown={(e) => walk(e, '.row', 'ArrowUp', 'ArrowDown')}>
                {rows.map((view, i) => <Row key={view.id} desk={desk}
                    view={view} now={now} selected={view.id === selected}
                    tab={i === tabbed} />)}
                {rows.length === 0 ? <div class="empty small">
                    <Icon name={tab === 'queue' ? 'check' : 'inbox'} />
                    <h2>{t(`empty_${tab}`)}</h2>
                    <p>{t(`empty_${tab}_more`)}</p>
                </div> : null}
            </div>
        </nav>
    );
}
