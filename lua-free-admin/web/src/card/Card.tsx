/*
 * What is known of the visitor and the dialog; who else works now: beside
 * the thread where there is room, else behind the visitor's name.
 */

import { useRef } from 'preact/hooks';

import { num } from '../../../../client/src/index.ts';
import type { DialogView } from '../../../../client/src/index.ts';
import type { Desk } from '../desk.ts';
import { moment, t } from '../i18n/index.ts';
import { Avatar } from '../ui/Avatar.tsx';
import { useAtom } from '../ui/hooks.ts';
import { visitorName } from '../ui/names.ts';


/** Only http(s) pages become links. */
function Page({ page }: { page: string }) {
    return /^https?:\/\//.test(page)
        ? <a href={page} target="_blank" rel="noopener noreferrer nofollow">
            {page}
        </a>
        : <>{page}</>;
}


function About({ desk, view }: { desk: Desk; view: DialogView }) {
    const { sites, colleagues } = useAtom(desk.inbox);
    const there = colleagues.filter((c) => c.online);
    const name = visitorName(view);

    return (
        <>
            <div class="card-who">
                <Avatar id={view.visitor} name={name} />
                <h2>{name}</h2>
            </div>
            <dl>
                <dt>{t('card_state')}</dt>
                <dd><span class={`state ${view.state}`}>
                    {t(`state_${view.state}`)}</span></dd>
                {view.owner ? <>
                    <dt>{t('card_owner')}</dt>
                    <dd>{desk.name(view.owner)}</dd>
                </> : null}
                <dt>{t('card_site')}</dt>
                <dd>{sites.find((s) => s.id === view.site)?.name ?? view.site}</dd>
                {view.page ? <>
                    <dt>{t('card_page')}</dt>
                    <dd class="long"><Page page={view.page} /></dd>
                </> : null}
                <dt>{t('card_opened')}</dt>
                <dd>{moment(num(view.opened_ms))}</dd>
                {view.wait_ms ? <>
                    <dt>{t('card_waits')}</dt>
                    <dd>{moment(num(view.wait_ms))}</dd>
                </> : null}
                <dt>{t('card_messages')}</dt>
                <dd>{num(view.seq)}</dd>
                <dt>{t('card_id')}</dt>
                <dd><code>{view.id}</code></dd>
            </dl>
            {there.length > 0 ? <section>
                <h3>{t('online')}</h3>
                <ul class="people">
                    {there.map((c) => <li key={c.id}>
                        <Avatar id={c.id} name={c.name} online={true} />{c.name}
                    </li>)}
                </ul>
            </section> : null}
        </>
    );
}


export function Card({ desk, view }: { desk: Desk; view: DialogView }) {
    return (
        <aside class="card" aria-label={t('card')}>
            <About desk={desk} view={view} />
        </aside>
    );
}


/** The visitor's name as a heading that opens the card. */
export function CardName({ desk, view }: { desk: Desk; view: DialogView }) {
    const box = useRef<HTMLDialogElement>(null);

    return (
        <>
            <h2>
                <button aria-haspopup="dialog" title={t('card')}
                    onClick={() => box.current?.showModal()}>
                    {visitorName(view)}
                </button>
            </h2>
            <dialog ref={box} class="card-box" aria-label={t('card')}
                onClick={(e) => e.target === box.current && box.current?.close()}>
                <About desk={desk} view={view} />
                <form method="dialog" class="menu-end">
                    <button class="primary">{t('done')}</button>
                </form>
            </dialog>
        </>
    );
}
