/*
 * Light, dark or as the system says; kept in this browser.
 */

import { atom } from '../../../../client/src/index.ts';

export const themes = ['auto', 'light', 'dark'] as const;
export type Theme = typeof themes[number];

const STORED = 'chat.theme';

function isTheme(name: string | null): name is Theme {
    return (themes as readonly (string | null)[]).includes(name);
}

const stored = localStorage.getItem(STORED);

export const theme = atom<Theme>(isTheme(stored) ? stored : 'auto');

theme.watch((name) => {
    document.documentElement.dataset['theme'] = name;
    localStorage.setItem(STORED, name);
});
