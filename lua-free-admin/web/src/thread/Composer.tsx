/*
 * Where answers are written.  The draft is kept per dialog; Enter sends.
 */

import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import type { DialogView } from '../../../../client/src/index.ts';
import type { Desk } from '../desk.ts';
import { plural, t } from '../i18n/index.ts';
import { Icon } from '../ui/Icon.tsx';

const TEXT_MAX = 4000;
const WARN_AT = 200;
/** Of the box, above and below: no part of scrollHeight. */
const EDGES = 2;


/** Why nothing can be written here; undefined: one may. */
function obstacle(desk: Desk, view: DialogView): string | undefined {
    if (view.state === 'closed') {
        return t('is_closed');
    }

    if (view.state === 'queued') {
        return t('must_take');
    }

    return view.owner === desk.me.operator.id ? undefined
        : t('is_others', { name: desk.name(view.owner) });
}


export function Composer({ desk, view }: { desk: Desk; view: DialogView }) {
    const [text, setText] = useState(() => desk.draft(view.id));
    const box = useRef<HTMLTextAreaElement>(null);
    const why_not = obstacle(desk, view);
    const left = TEXT_MAX - Array.from(text).length;

    useLayoutEffect(() => {
        const el = box.current;

        if (el) {
            // measured small, it must not give its place to the thread
            const around = el.parentElement!.style;

            around.minHeight = `${el.parentElement!.offsetHeight}px`;
            el.style.height = 'auto';
            el.style.height = `${el.scrollHeight + EDGES}px`;
            around.minHeight = '';
        }
    }, [text, why_not]);

    // ready to type as soon as it is ours; not on touch: the keyboard covers
    useLayoutEffect(() => {
        if (!why_not && matchMedia('(hover: hover)').matches) {
            box.current?.focus();
        }
    }, [why_not]);

    if (why_not) {
        return (
            <footer class="composer closed">
                <p>{why_not}</p>
                {view.state === 'queued'
                    ? <button class="primary"
                        onClick={() => desk.takeDialog(view.id)}>
                        {t('take')}
                    </button> : null}
            </footer>
        );
    }

    const change = (value: string): void => {
        setText(value);
        desk.keepDraft(view.id, value);
    };

    const send = (): void => {
        if (text.trim() && left >= 0) {
            desk.post(view.id, text);
            setText('');
        }

        box.current?.focus();
    };

    return (
        <footer class="composer">
            <textarea ref={box} rows={1} dir="auto" value={text}
                placeholder={t('write')} aria-label={t('write')}
                title={t('send_hint')} enterkeyhint="send"
                onInput={(e) => change(e.currentTarget.value)}
                onKeyDown={(e) => {
                    if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) {
                        e.preventDefault();
                        send();
                    }
                }} />
            {left < WARN_AT
                ? <small class={left < 0 ? 'left over' : 'left'} role="status">
                    {left < 0 ? plural('over', -left) : plural('left', left)}
                </small> : null}
            <button class="primary round" aria-label={t('send')}
                disabled={!text.trim() || left < 0} onClick={send}>
                <Icon name="send" />
            </button>
        </footer>
    );
}
