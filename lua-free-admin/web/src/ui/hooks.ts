/*
 * Atoms, the language, the clock and the screen as Preact hooks.
 */

import { useEffect, useState } from 'preact/hooks';

import type { Atom } from '../../../../client/src/index.ts';
import { language } from '../i18n/index.ts';


export function useAtom<T>(atom: Atom<T>): T {
    const [value, set] = useState(() => atom.get());

    useEffect(() => atom.watch((next) => set(() => next)), [atom]);

    return value;
}


/** Renders anew when the language changes. */
export function useLanguage(): string {
    return useAtom(language);
}


/** The time, once a second: for what shows how long somebody waits. */
export function useNow(): number {
    const [now, set] = useState(() => Date.now());

    useEffect(() => {
        const timer = setInterval(() => set(Date.now()), 1000);

        return () => clearInterval(timer);
    }, []);

    return now;
}


/* app.css gives the thread and the lists all there is below that, too */
const roomy = matchMedia('(min-width: 1181px)');


/** Whether the card has its place beside the thread. */
export function useRoomForCard(): boolean {
    const [value, set] = useState(roomy.matches);

    useEffect(() => {
        const look = (): void => set(roomy.matches);

        roomy.addEventListener('change', look);
        return () => roomy.removeEventListener('change', look);
    }, []);

    return value;
}
