/*
 * The desk: lists at the left, the thread in the middle, the card at the
 * right; on a phone one of them at a time.
 */

import { useEffect } from 'preact/hooks';

import { inboxLists } from '../../../client/src/index.ts';
import { Card } from './card/Card.tsx';
import type { Desk } from './desk.ts';
import { t } from './i18n/index.ts';
import { Lists } from './inbox/Lists.tsx';
import { Refusals } from './thread/Refusals.tsx';
import { Thread } from './thread/Thread.tsx';
import { Banner } from './ui/Banner.tsx';
import { Icon } from './ui/Icon.tsx';
import { Menu } from './ui/Menu.tsx';
import { leaveThread } from './ui/focus.ts';
import { useAtom, useLanguage, useRoomForCard } from './ui/hooks.ts';


export function Cabinet({ desk, leave }:
    { desk: Desk; leave: () => Promise<boolean> })
{
    useLanguage();

    const inbox = useAtom(desk.inbox);
    const selected = useAtom(desk.selected);
    const roomy = useRoomForCard();
    const lists = inboxLists(inbox);
    const view = selected ? inbox.dialogs.get(selected) : undefined;
    // of dialogs that are not in any list now: no thread shows them
    const homeless = useAtom(desk.refusals)
        .filter((r) => !inbox.dialogs.has(r.dialog));
    const waiting = lists.queue.length
        + lists.mine.filter((d) => d.wait_ms !== undefined).length;

    useEffect(() => {
        document.title = (waiting ? `(${waiting}) ` : '') + t('app');
    });

    useEffect(() => {
        const escape = (e: KeyboardEvent): void => {
            if (e.key === 'Escape' && !document.querySelector('dialog[open]')) {
                leaveThread(desk);
            }
        };

        addEventListener('keydown', escape);
        return () => removeEventListener('keydown', escape);
    }, [desk]);

    return (
        <div class={`desk ${view ? 'has-thread' : ''}`}>
            <div class="notices">
                <Banner desk={desk} />
                <Refusals desk={desk} list={homeless} />
            </div>
            <aside class="side">
                <h1 class="hush">{t('app')}</h1>
                <Menu desk={desk} leave={leave} />
                <Lists desk={desk} lists={lists} selected={selected} />
            </aside>
            <main class="middle">
                {view ? <Thread key={view.id} desk={desk} view={view} />
                    : <div class="empty">
                        <Icon name="inbox" />
                        <h2>{t('empty_thread')}</h2>
                        <p>{t('empty_thread_more')}</p>
                    </div>}
            </main>
            {view && roomy ? <Card desk={desk} view={view} /> : null}
        </div>
    );
}
