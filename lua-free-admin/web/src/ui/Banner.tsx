/*
 * Says how the connection is, only when it is not well.
 */

import type { Desk } from '../desk.ts';
import { t } from '../i18n/index.ts';
import type { TextKey } from '../i18n/index.ts';
import { Icon } from './Icon.tsx';
import { useAtom } from './hooks.ts';


export function Banner({ desk }: { desk: Desk }) {
    const { phase, store } = useAtom(desk.status);
    const started = useAtom(desk.inbox).me !== undefined;

    const text: TextKey | undefined =
        phase === 'offline' ? 'link_offline'
        : phase === 'live' ? (store === 'down' ? 'link_down' : undefined)
        : started ? 'link_waiting' : undefined;

    return (
        <div class="banner" role="status" hidden={!text}>
            {text ? <><Icon name="warn" /><span>{t(text)}</span></> : null}
            {phase === 'waiting' || phase === 'offline'
                ? <button onClick={() => desk.retry()}>{t('link_retry')}</button>
                : null}
        </div>
    );
}
