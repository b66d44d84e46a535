/*
 * Who I am, how the cabinet looks, where I am signed in, the way out.
 */

import { useRef, useState } from 'preact/hooks';

import { api } from '../api.ts';
import type { SignedIn } from '../api.ts';
import type { Desk } from '../desk.ts';
import { languages, moment, setLanguage, t } from '../i18n/index.ts';
import type { Language } from '../i18n/index.ts';
import { Avatar } from './Avatar.tsx';
import { useAtom, useLanguage } from './hooks.ts';
import { theme, themes } from './theme.ts';
import type { Theme } from './theme.ts';


/* what names it first: most claim to be several others as well */
const BROWSERS = { Edg: 'Edge', OPR: 'Opera', YaBrowser: 'Yandex',
    Firefox: 'Firefox', Chrome: 'Chrome', Safari: 'Safari' };
const SYSTEMS = { Android: 'Android', iPhone: 'iPhone', iPad: 'iPad',
    Windows: 'Windows', CrOS: 'ChromeOS', Mac: 'macOS', Linux: 'Linux' };


/** "Firefox, Windows": what a browser says of itself is not for people. */
function browser(agent: string): string {
    const [name, system] = [BROWSERS, SYSTEMS].map((known) =>
        Object.entries(known).find(([word]) => agent.includes(word))?.[1]);

    return name ? [name, system].filter(Boolean).join(', ') : agent;
}


function Sessions({ desk, list, ended }:
    { desk: Desk; list: SignedIn[]; ended: () => void })
{
    const others = list.filter((s) => !s.current);

    return (
        <section>
            <h3>{t('sessions')}</h3>
            {others.length === 0 ? <p class="quiet">{t('sessions_none')}</p> : null}
            <ul class="sessions">
                {others.map((s) => (
                    <li key={s.id}>
                        <span title={s.agent}>
                            {browser(s.agent ?? '') || s.id}
                            <small>{s.ip} · {t('session_since',
                                { time: moment(Number(s.created_ms)) })}</small>
                        </span>
                        <button onClick={() => void api.endSession(
                            desk.me.csrf, s.id).then(ended)}>
                            {t('session_end')}
                        </button>
                    </li>
                ))}
            </ul>
        </section>
    );
}


export function Menu({ desk, leave }:
    { desk: Desk; leave: () => Promise<boolean> })
{
    const now = useLanguage();
    const look = useAtom(theme);
    const { phase } = useAtom(desk.status);
    const box = useRef<HTMLDialogElement>(null);
    const [list, setList] = useState<SignedIn[]>();
    const [stuck, setStuck] = useState(false);
    const { operator } = desk.me;

    const load = (): void => void api.sessions().then((a) =>
        setList(a.ok ? a.value.sessions : undefined));

    return (
        <header class="top">
            <button class="me" aria-haspopup="dialog" title={t('menu')}
                onClick={() => {
                    load();
                    setStuck(false);
                    box.current?.showModal();
                }}>
                <Avatar id={operator.id} name={operator.name}
                    online={phase === 'live'} />
                <span class="me-name">{operator.name}
                    <small>{t(phase === 'live' ? 'link_live'
                        : 'link_connecting')}</small>
                </span>
            </button>

            <dialog ref={box} class="menu" aria-label={t('menu')}
                onClick={(e) => e.target === box.current && box.current?.close()}>
                <form method="dialog">
                    <label for="language">{t('language')}</label>
                    <select id="language" value={now} onChange={(e) =>
                        setLanguage(e.currentTarget.value as Language)}>
                        {Object.entries(languages).map(([id, name]) =>
                            <option value={id}>{name}</option>)}
                    </select>

                    <label for="theme">{t('theme')}</label>
                    <select id="theme" value={look} onChange={(e) =>
                        theme.set(e.currentTarget.value as Theme)}>
                        {themes.map((name) =>
                            <option value={name}>{t(`theme_${name}`)}</option>)}
                    </select>

                    {list ? <Sessions desk={desk} list={list} ended={load} />
                        : null}

                    {stuck ? <p class="stuck" role="alert">
                        {t('logout_failed')}</p> : null}

                    <div class="menu-end">
                        <button type="button" onClick={() => void leave()
                            .then((left) => setStuck(!left))}>
                            {t('logout')}
                        </button>
                        <button class="primary">{t('done')}</button>
                    </div>
                </form>
            </dialog>
        </header>
    );
}
