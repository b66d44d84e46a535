/* Who one talks to; a menu; the way out. */

import { h } from './dom.ts';
import type { Catalogue } from './i18n/en.ts';
import { CHAT, CLOSE, MORE, icon } from './icons.ts';
import { initials } from './text.ts';

export interface Head {
    readonly element: HTMLElement;
    set(state: HeadState): void;
    /** Closes the menu; true: it was open. */
    escape(): boolean;
}

interface HeadState {
    name: string | undefined;
    line: string;
    online: boolean;
    can_end: boolean;
}


export function createHead(t: Catalogue, title: string,
    acts: { close(): void; end(): void }): Head
{
    const letters = h('span', { 'aria-hidden': 'true' }, icon(CHAT));
    const dot = h('span', { class: 'dot', hidden: true });
    const name = h('h2', {}, title);
    const line = h('p', {});
    const more = h('button', { type: 'button', class: 'tool', hidden: true,
        'aria-label': t.menu, 'aria-expanded': 'false' }, icon(MORE));
    const menu = h('div', { class: 'menu', hidden: true });
    let shown = '';

    const open = (on: boolean): void => {
        menu.hidden = !on;
        more.setAttribute('aria-expanded', String(on));

        if (on) {
            menu.replaceChildren(h('button', { type: 'button',
                class: 'entry', on: { click: sure } }, t.end));
            menu.querySelector('button')?.focus();
        }
    };

    const sure = (): void => {
        const no = h('button', { type: 'button', class: 'action',
            on: { click: () => shut() } }, t.cancel);

        menu.replaceChildren(h('p', {}, t.end_sure), h('div', { class: 'row' },
            h('button', { type: 'button', class: 'action main', on: {
                click: () => {
                    shut();
                    acts.end();
                } } }, t.end_yes), no));
        no.focus();
    };

    const shut = (): void => {
        open(false);
        more.focus();
    };

    more.addEventListener('click', () => open(menu.hidden === true));

    // no <header>: pages have one of their own
    const element = h('div', { class: 'head', on: {
        focusout: (e) => {
            const to = e.relatedTarget as Node | null;

            if (to && !element.contains(to)) {
                open(false);
            }
        } } },
    h('div', { class: 'face' }, letters, dot),
    h('div', { class: 'who' }, name, line),
    h('div', { class: 'tools' }, more,
        h('button', { type: 'button', class: 'tool', 'aria-label': t.close,
            on: { click: acts.close } }, icon(CLOSE))),
    menu);

    return {
        element,

        set: (s) => {
            name.textContent = s.name ?? title;
            line.textContent = s.line;
            dot.hidden = !s.online;
            more.hidden = !s.can_end;

            if (shown !== (s.name ?? '')) {
                shown = s.name ?? '';
                letters.replaceChildren(initials(shown) || icon(CHAT));
            }

            if (!s.can_end && !menu.hidden) {
                open(false);
            }
        },

        escape: () => {
            if (menu.hidden) {
                return false;
            }

            shut();
            return true;
        },
    };
}
