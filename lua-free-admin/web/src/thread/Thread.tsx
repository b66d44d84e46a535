/*
 * One dialog: its head with what can be done, the messages, the composer.
 */

import { useLayoutEffect, useRef } from 'preact/hooks';

import { NO_DIALOG, earlier } from '../../../../client/src/index.ts';
import type { DialogState, DialogView } from '../../../../client/src/index.ts';
import { CardName } from '../card/Card.tsx';
import type { Desk } from '../desk.ts';
import { t } from '../i18n/index.ts';
import { Avatar } from '../ui/Avatar.tsx';
import { Icon } from '../ui/Icon.tsx';
import { leaveThread } from '../ui/focus.ts';
import { useAtom, useRoomForCard } from '../ui/hooks.ts';
import { visitorName } from '../ui/names.ts';
import { Composer } from './Composer.tsx';
import { Messages } from './Messages.tsx';
import { Refusals } from './Refusals.tsx';

/** This near to the end the thread follows new messages. */
const NEAR_PX = 80;


function Head({ desk, view }: { desk: Desk; view: DialogView }) {
    const sure = useRef<HTMLDialogElement>(null);
    const mine = view.state === 'active' && view.owner === desk.me.operator.id;
    const name = visitorName(view);
    const roomy = useRoomForCard();
    const { sites } = useAtom(desk.inbox);
    const site = sites.find((s) => s.id === view.site)?.name;

    return (
        <header class="thread-head">
            <button class="icon-button back" aria-label={t('back')}
                onClick={() => leaveThread(desk)}>
                <Icon name="back" />
            </button>
            <Avatar id={view.visitor} name={name} />
            <div class="thread-title">
                {roomy ? <h2>{name}</h2>
                    : <CardName desk={desk} view={view} />}
                <small>{[site, t(`state_${view.state}`)].filter(Boolean)
                    .join(' · ')}</small>
            </div>

            {view.state === 'queued'
                ? <button class="primary" onClick={() => desk.takeDialog(view.id)}>
                    <Icon name="take" /><span>{t('take')}</span>
                </button> : null}

            {mine ? <>
                <button onClick={() => desk.releaseDialog(view.id)}
                    title={t('release')}>
                    <Icon name="release" /><span>{t('release')}</span>
                </button>
                <button onClick={() => sure.current?.showModal()}
                    title={t('close')}>
                    <Icon name="end" /><span>{t('close')}</span>
                </button>
            </> : null}

            <dialog ref={sure} class="sure" aria-label={t('close_sure')}>
                <form method="dialog">
                    <p>{t('close_sure')}</p>
                    <div class="menu-end">
                        <button>{t('cancel')}</button>
                        <button class="primary"
                            onClick={() => desk.closeDialog(view.id)}>
                            {t('close')}
                        </button>
                    </div>
                </form>
            </dialog>
        </header>
    );
}


/**
 * Keeps the end in sight while it is there, and the place one reads when
 * older messages come in above.
 */
function useFollowing(thread: DialogState, extra: number) {
    const box = useRef<HTMLDivElement>(null);
    const following = useRef(true);
    const before = useRef({ height: 0, first: '' });

    useLayoutEffect(() => {
        const el = box.current;

        if (!el) {
            return;
        }

        const first = thread.events[0]?.id ?? '';

        if (following.current) {
            el.scrollTop = el.scrollHeight;

        } else if (first !== before.current.first && before.current.first) {
            el.scrollTop += el.scrollHeight - before.current.height;
        }

        before.current = { height: el.scrollHeight, first };
    }, [thread, extra]);

    // a growing answer, a keyboard, a banner: the end stays in sight
    useLayoutEffect(() => {
        const watch = new ResizeObserver(() => {
            if (box.current && following.current) {
                box.current.scrollTop = box.current.scrollHeight;
            }
        });

        if (box.current) {
            watch.observe(box.current);
        }

        return () => watch.disconnect();
    }, []);

    const scrolled = (): void => {
        const el = box.current;

        if (el) {
            following.current =
                el.scrollHeight - el.scrollTop - el.clientHeight < NEAR_PX;
        }
    };

    return { box, scrolled };
}


export function Thread({ desk, view }: { desk: Desk; view: DialogView }) {
    const thread = useAtom(desk.threads).get(view.id) ?? NO_DIALOG;
    const pending = useAtom(desk.pending);
    const loading = useAtom(desk.loading).has(view.id);
    const refusals = useAtom(desk.refusals)
        .filter((r) => r.dialog === view.id);
    const { box, scrolled } = useFollowing(thread,
        pending.length + refusals.length + thread.typing.length);
    const typing = view.state === 'closed' ? []
        : thread.typing.filter((w) => w.from.id !== desk.me.operator.id);

    const above = (): void => {
        scrolled();

        const after = earlier(thread);

        if (box.current && box.current.scrollTop < NEAR_PX
            && after !== undefined)
        {
            desk.earlier(view.id, after);
        }
    };

    return (
        <section class="thread" aria-label={visitorName(view)}>
            <Head desk={desk} view={view} />
            <div class="messages" ref={box} onScroll={above} role="log"
                tabIndex={0} aria-busy={loading} aria-label={visitorName(view)}>
                {loading && thread.events.length === 0
                    ? <p class="note">{t('loading')}</p> : null}
                <Messages desk={desk} view={view} thread={thread}
                    pending={pending} />
                {typing.map((w) => <p class="typing" key={w.from.id ?? 'v'}>
                    <i /><i /><i />
                    {t('typing', { name: w.from.name || visitorName(view) })}
                </p>)}
            </div>
            <Refusals desk={desk} list={refusals} />
            <Composer desk={desk} view={view} />
        </section>
    );
}
