/*
 * Who is here decides what is shown: the door or the desk.
 */

import { useEffect, useState } from 'preact/hooks';

import { api } from './api.ts';
import type { Me } from './api.ts';
import { Cabinet } from './Cabinet.tsx';
import { Desk } from './desk.ts';
import { t } from './i18n/index.ts';
import { Login } from './login/Login.tsx';

type Place =
    | { at: 'start' }
    | { at: 'away' }
    | { at: 'door'; ended: boolean }
    | { at: 'desk'; desk: Desk };

const RETRY_MS = 3000;


export function App() {
    const [place, go] = useState<Place>({ at: 'start' });

    const enter = async (me: Me): Promise<void> => {
        const desk = await Desk.open(me, () => {
            desk.stop();
            go({ at: 'door', ended: true });
        });

        go({ at: 'desk', desk });
    };

    const ask = async (): Promise<void> => {
        const answer = await api.me();

        if (answer.ok) {
            await enter(answer.value);

        } else if (answer.code === 'unauthorized') {
            go({ at: 'door', ended: false });

        } else {
            // the server is away: not knowing who it is, we wait
            go({ at: 'away' });
            setTimeout(() => void ask(), RETRY_MS);
        }
    };

    useEffect(() => void ask(), []);

    switch (place.at) {
    case 'start':
        return null;

    case 'away':
        return <p class="away" role="status">{t('link_waiting')}</p>;

    case 'door':
        return <Login ended={place.ended} done={(me) => void enter(me)} />;

    case 'desk':
        return <Cabinet desk={place.desk} leave={async () => {
            const left = await place.desk.leave();

            if (left) {
                go({ at: 'door', ended: false });
            }

            return left;
        }} />;
    }
}
