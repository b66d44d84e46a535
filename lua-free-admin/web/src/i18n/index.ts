/*
 * Texts, numbers and times in the operator's language.
 */

import { en } from './en.ts';
import type { Catalogue } from './en.ts';
import { ru } from './ru.ts';
import { atom } from '../../../../client/src/store.ts';

export const languages = { en: 'English', ru: 'Русский' } as const;
export type Language = keyof typeof languages;

const catalogues: Record<Language, Catalogue> = { en, ru };
const STORED = 'chat.language';

type Texts = { [K in keyof Catalogue]: Catalogue[K] extends string ? K : never };
export type TextKey = Texts[keyof Texts];
export type PluralKey = Exclude<keyof Catalogue, TextKey>;

export const language = atom<Language>(initial());

language.watch((name) => {
    document.documentElement.lang = name;
    document.title = catalogues[name].app;
});


function initial(): Language {
    const asked = [localStorage.getItem(STORED), ...navigator.languages];

    for (const name of asked) {
        const short = name?.slice(0, 2).toLowerCase();

        if (short && short in catalogues) {
            return short as Language;
        }
    }

    return 'en';
}


export function setLanguage(name: Language): void {
    localStorage.setItem(STORED, name);
    language.set(name);
}


function fill(text: string, values: Record<string, string | number>): string {
    return text.replace(/\{(\w+)\}/g, (_, key: string) =>
        String(values[key] ?? ''));
}


export function t(key: TextKey, values: Record<string, string | number> = {}):
    string
{
    return fill(catalogues[language.get()][key], values);
}


export function plural(key: PluralKey, n: number): string {
    const forms: Partial<Record<Intl.LDMLPluralRule, string>> =
        catalogues[language.get()][key];
    const rule = new Intl.PluralRules(language.get()).select(n);

    return fill(forms[rule] ?? forms.other ?? '',
        { n: n.toLocaleString(language.get()) });
}


/** 0:42, 12:05, 3:07:11, then days. */
export function elapsed(ms: number): string {
    const s = Math.max(0, Math.floor(ms / 1000));
    const two = (n: number): string => String(n).padStart(2, '0');

    if (s >= 86_400) {
        return new Intl.NumberFormat(language.get(),
            { style: 'unit', unit: 'day', unitDisplay: 'short' })
            .format(Math.floor(s / 86_400));
    }

    const h = Math.floor(s / 3600);
    const m = Math.floor(s / 60) % 60;

    return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}


export function clock(ms: number): string {
    return new Date(ms).toLocaleTimeString(language.get(),
        { timeStyle: 'short' });
}


export function moment(ms: number): string {
    return new Date(ms).toLocaleString(language.get(),
        { day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' });
}


export function day(ms: number): string {
    const midnight = new Date();

    midnight.setHours(0, 0, 0, 0);

    if (ms >= midnight.getTime()) {
        return t('today');
    }

    midnight.setDate(midnight.getDate() - 1);

    if (ms >= midnight.getTime()) {
        return t('yesterday');
    }

    return new Date(ms).toLocaleDateString(language.get(),
        { weekday: 'short', day: 'numeric', month: 'long' });
}
