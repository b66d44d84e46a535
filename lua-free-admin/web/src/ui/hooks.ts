/*
 * Atoms, the language and the clock as Preact hooks.
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
