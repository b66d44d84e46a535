/*
 * The part that every page loads: a button, and a queue for the page's calls.
 * The panel with everything else comes when it is needed.
 *
 *   <script async src="/_chat/widget.js" data-lang="ru"></script>
 *   chatWidget('open')    also before this file has arrived, if the page has
 *   window.chatWidget ??= (...a) => (chatWidget.q ??= []).push(a)
 */

import { BUSY, OPEN, PREFIX } from './contract.ts';
import type { Options, Panel, PanelModule, Place } from './contract.ts';
import { readable } from './colour.ts';
import { CHAT, DOWN, icon } from './icons.ts';
import css from './loader.css';

/* for setTimeout() it means "at once" */
const IDLE = { timeout: 500 } as number & { timeout: number };

type Call = [name: string, ...rest: unknown[]];

interface Queue {
    (...call: Call): void;
    q?: Call[];
    ready?: boolean;
}

const script = document.currentScript as HTMLScriptElement | null;

/* those whose readers rather read Russian than English */
const RUSSIAN = /^(ru|be|uk|kk)/i;


function start(): void {
    const page = window as unknown as { chatWidget?: Queue };
    const early = page.chatWidget;

    if (!script || early?.ready) {
        return;
    }

    const base = new URL('.', script.src).href;
    const data = script.dataset;
    const options: Options = {
        lang: data.lang || document.documentElement.lang || navigator.language,
        theme: data.theme === 'light' || data.theme === 'dark'
            ? data.theme : 'auto',
        side: data.side === 'left' ? 'left' : 'right',
        title: data.title ?? '',
        accent: /^#[0-9a-f]{6}$/i.test(data.accent ?? '') ? data.accent! : '',
    };

    let is_open = false;

    const russian = RUSSIAN.test(options.lang);
    const host = document.createElement('div');
    const root = host.attachShadow({ mode: 'open' });
    const button = document.createElement('button');
    const badge = document.createElement('span');

    const style = (text: string): void => {
        try {
            const sheet = new CSSStyleSheet();

            sheet.replaceSync(text);
            root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];

        } catch {
            // before constructable sheets; the page's nonce lets it in
            const element = document.createElement('style');

            element.nonce = script.nonce;
            element.textContent = text;
            root.append(element);
        }
    };

    host.dataset.side = options.side;
    style(css);

    if (options.accent) {
        const { accent } = options;
        const on = readable(accent);
        const dark = on === '#fff';

        // as a line on white or on black it may be too pale or too dark
        for (const [name, value] of [['', accent], ['on-', on],
            ['light-', dark ? accent : '#111'],
            ['dark-', dark ? '#fff' : accent]])
        {
            host.style.setProperty(`--${name}accent`, value!);
        }
    }

    button.type = 'button';
    button.className = 'launch';
    button.setAttribute('aria-expanded', 'false');
    badge.className = 'badge';
    badge.hidden = true;
    button.append(icon(CHAT), icon(DOWN), badge);
    root.append(button);

    const place: Place = {
        root, host, button, base, options, style,

        badge: (unread) => {
            badge.hidden = unread === 0;
            badge.textContent = unread > 9 ? '9+' : String(unread);
            label(unread);
        },

        opened: (open) => {
            is_open = open;
            button.setAttribute('aria-expanded', String(open));
            keep(sessionStore, OPEN, open ? '1' : null);
        },
    };

    const label = (unread: number): void => {
        const [name, news] = russian
            ? ['Чат', ', новых сообщений: '] : ['Chat', ', new messages: '];

        button.setAttribute('aria-label',
            unread === 0 ? name! : name! + news! + unread);
    };

    let panel: Promise<Panel> | undefined;

    const load = (): Promise<Panel> => {
        button.setAttribute('aria-busy', 'true');

        panel ??= fetchPanel(base, russian ? 'ru' : 'en')
            .then((m) => m.mount(place));
        panel.catch(() => {
            // the next click tries again
            panel = undefined;
            badge.hidden = false;
            badge.textContent = '!';
        }).then(() => button.removeAttribute('aria-busy'));

        return panel;
    };

    const open = (focus: boolean): void =>
        void load().then((p) => p.open(focus), () => undefined);

    const close = (): void => void panel?.then((p) => p.close());

    button.addEventListener('click', () =>
        is_open ? close() : open(true));

    const queue: Queue = (name) => {
        if (name === 'open') {
            open(true);

        } else if (name === 'close') {
            close();
        }
    };

    queue.ready = true;
    page.chatWidget = queue;
    label(0);
    document.body.append(host);

    for (const call of early?.q ?? []) {
        queue(...call);
    }

    // the first look into storage costs milliseconds: the page goes first
    (window.requestIdleCallback ?? setTimeout)(() => {
        if (kept(sessionStore, OPEN)) {
            open(false);

        } else if (kept(localStore, BUSY)) {
            // a conversation goes on: its news show on the button
            load().catch(() => undefined);
        }
    }, IDLE);
}


let tries = 0;


/**
 * An old page may name a panel that an upgrade has replaced.  A module that
 * could not be fetched stays so under its address, in most browsers.
 */
function fetchPanel(base: string, lang: 'en' | 'ru'): Promise<PanelModule> {
    return import(`${base}widget/${PANELS[lang]}`)
        .catch(() => import(`${base}widget/panel-${lang}.js?${tries++}`));
}


const localStore = (): Storage => localStorage;
const sessionStore = (): Storage => sessionStorage;

function kept(store: () => Storage, key: string): string | null {
    try {
        return store().getItem(PREFIX + key);
    } catch {
        return null;
    }
}


function keep(store: () => Storage, key: string, value: string | null): void {
    try {
        if (value === null) {
            store().removeItem(PREFIX + key);
        } else {
            store().setItem(PREFIX + key, value);
        }
    } catch {
        // storage is blocked: the panel is closed on the next page
    }
}


if (document.body) {
    start();
} else {
    document.addEventListener('DOMContentLoaded', start);
}
