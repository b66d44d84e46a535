/*
 * The door: login and password, exact words about what went wrong.
 */

import { useEffect, useRef, useState } from 'preact/hooks';

import { api } from '../api.ts';
import type { Answer, Me } from '../api.ts';
import { elapsed, t } from '../i18n/index.ts';
import { Icon } from '../ui/Icon.tsx';
import { useLanguage } from '../ui/hooks.ts';


function explain(answer: Answer<Me> & { ok: false }): string {
    switch (answer.code) {
    case 'bad_credentials':
        return t('login_bad');
    case 'throttled':
        return t('login_throttled', { time: elapsed(answer.retry_ms) });
    case 'forbidden':
        return t('login_forbidden');
    case 'offline':
        return t('login_offline');
    case 'busy':
    case 'store_down':
    case 'store_full':
        return t('login_down');
    default:
        return answer.text || answer.code;
    }
}


export function Login({ ended, done }:
    { ended: boolean; done: (me: Me) => void })
{
    useLanguage();

    const [busy, setBusy] = useState(false);
    const [shown, setShown] = useState(false);
    const [error, setError] = useState(ended ? t('login_ended') : '');
    const first = useRef<HTMLInputElement>(null);
    const second = useRef<HTMLInputElement>(null);

    useEffect(() => first.current?.focus(), []);

    const submit = async (e: Event): Promise<void> => {
        e.preventDefault();
        setBusy(true);
        setError('');

        const answer = await api.login(first.current?.value.trim() ?? '',
            second.current?.value ?? '');

        setBusy(false);

        if (answer.ok) {
            done(answer.value);
            return;
        }

        setError(explain(answer));
        second.current?.select();
    };

    return (
        <main class="login">
            <form class="login-card" onSubmit={(e) => void submit(e)}>
                <img class="login-mark" src="/icon.svg" alt="" width="48"
                    height="48" />
                <h1>{t('login_title')}</h1>

                <label for="login">{t('login_login')}</label>
                <input id="login" name="login" ref={first} required
                    autocomplete="username" autocapitalize="none"
                    spellcheck={false} maxLength={100} />

                <label for="password">{t('login_password')}</label>
                <div class="login-password">
                    <input id="password" name="password" ref={second} required
                        type={(shown ? 'text' : 'password') as 'password'}
                        maxLength={200}
                        autocomplete="current-password" />
                    <button type="button" class="icon-button"
                        aria-label={t(shown ? 'login_hide' : 'login_show')}
                        onClick={() => setShown(!shown)}>
                        <Icon name="eye" />
                    </button>
                </div>

                <p class="login-error" role="alert">{error}</p>

                <button class="primary" disabled={busy}>
                    {t(busy ? 'login_busy' : 'login_submit')}
                </button>
            </form>
        </main>
    );
}
