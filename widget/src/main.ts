/* The panel: fetched by the loader when it is needed. */

import { FATAL, typists } from '../../client/src/index.ts';
import type { ChatEvent, DialogState, Status, Typist }
    from '../../client/src/index.ts';
import { createComposer } from './composer.ts';
import type { Panel, Place } from './contract.ts';
import { h, sync } from './dom.ts';
import type { Shown } from './dom.ts';
import { createHead } from './head.ts';
import type { Language } from './i18n/en.ts';
import { CHAT, DOWN, icon } from './icons.ts';
import { createModel } from './model.ts';
import css from './panel.css';
import { threadItems } from './thread.ts';

const BANNER_MS = 1_200;
const NEAR_PX = 60;


export function mountPanel(place: Place, lang: Language): Panel {
    const { root, host, button, options } = place;
    const { t } = lang;
    const model = createModel(place.base);
    const shown = new Map<string, Shown>();

    const head = createHead(t, options.title || t.title, {
        close: () => close(true),
        end: () => model.end(),
    });
    const banner = h('div', { class: 'banner', role: 'status', hidden: true });
    const hello = h('p', {});
    const greet = h('div', { class: 'greet' },
        h('div', { class: 'face' }, icon(CHAT)),
        h('h3', {}, t.hello), hello);
    const log = h('div', { class: 'log still' });
    const dots = h('div', { class: 'typing', hidden: true,
        'aria-hidden': 'true' }, h('i', {}), h('i', {}), h('i', {}));
    const scroll = h('div', { class: 'scroll', tabindex: 0, role: 'log',
        'aria-label': t.thread }, greet, log, dots);
    const jump = h('button', { type: 'button', class: 'jump', hidden: true },
        icon(DOWN), t.fresh);
    const composer = createComposer(t, model.draft(), {
        post: (text) => {
            stick = true;
            model.post(text);
        },
        typing: () => model.typing(),
        changed: (text) => model.saveDraft(text),
        text_max: () => model.text_max(),
    });
    const panel = h('section', { class: 'panel', id: 'panel', role: 'dialog',
        'aria-label': t.panel, tabindex: -1, hidden: true, lang: lang.tag,
        dir: lang.dir },
    head.element, banner, h('div', { class: 'middle' }, scroll, jump),
    composer.element);

    let stick = true;
    let count = 0;
    let frame = 0;
    let top: string | undefined;
    let blink: ReturnType<typeof setTimeout> | undefined;
    let late: ReturnType<typeof setTimeout> | undefined;

    place.style(css);
    theme(host, options.theme);
    root.append(panel);
    button.setAttribute('aria-controls', 'panel');

    const follow = (): void => {
        if (stick) {
            scroll.scrollTop = scroll.scrollHeight;
        }
    };

    /** Once a frame is enough, however much arrives. */
    const redraw = (): void => {
        frame ||= requestAnimationFrame(draw);
    };

    const draw = (): void => {
        const dialog = model.dialog.get();
        const items = threadItems(dialog, model.pending.get(),
            model.failed.get(), lang, Date.now(), model);
        const below = scroll.scrollHeight - scroll.scrollTop;
        const first = dialog.events[0]?.id;

        cancelAnimationFrame(frame);
        frame = 0;
        sync(log, shown, items);
        greet.hidden = items.length > 0;
        typing();

        if (stick) {
            scroll.scrollTop = scroll.scrollHeight;

        } else if (top && first !== top) {
            // older ones came in above: what is read must not move
            scroll.scrollTop = scroll.scrollHeight - below;

        } else if (items.length > count) {
            jump.hidden = false;
        }

        top = first;
        count = items.length;
        composer.set({
            placeholder: dialog.view?.state === 'closed'
                ? t.placeholder_closed : t.placeholder,
            disabled: gone(model.status.get()),
        });
        face();
    };

    /** Who has left a dialog does not type in it any more. */
    const writers = (): Typist[] => {
        const dialog = model.dialog.get();

        return dialog.view?.state === 'active'
            ? typists(dialog, Date.now()) : [];
    };

    const typing = (): void => {
        const list = writers();

        dots.hidden = list.length === 0;
        clearTimeout(blink);

        if (list.length > 0) {
            blink = setTimeout(() => {
                typing();
                face();
            }, Math.min(...list.map((p) => p.until_ms)) - Date.now());
        }
    };

    const face = (): void => {
        const dialog = model.dialog.get();
        const online = model.online.get();
        const state = dialog.view?.state;
        const live = model.status.get().phase === 'live';
        const owner = state === 'active' ? ownerName(dialog) : undefined;
        const typist = writers()[0];

        hello.textContent = online === false ? t.hello_away : t.hello_online;
        head.set({
            name: owner,
            online: online === true && live,
            can_end: state === 'queued' || state === 'active',
            line: !live && !banner.hidden ? t.connecting
                : typist ? t.typing(typist.from.name ?? t.operator)
                : state === 'queued' && online ? t.waiting
                    : online === false ? t.away : online ? t.online : '',
        });
    };

    const connection = (status: Status): void => {
        const [text, action] = words(status);

        clearTimeout(late);

        // a blink of the network is not worth a word
        if (text && banner.hidden && status.phase !== 'closed') {
            late = setTimeout(() => tell(text, action), BANNER_MS);
        } else {
            tell(text, action);
        }
    };

    const tell = (text: string, action: string): void => {
        banner.replaceChildren(h('span', {}, text), ...action
            ? [h('button', { type: 'button', on: {
                click: () => model.reconnect() } }, action)] : []);
        banner.hidden = text === '';
        face();
        follow();
    };

    const words = (s: Status): [text: string, action: string] => {
        switch (s.phase) {
        case 'live':
            return [s.store === 'down' ? t.store_away : '', ''];
        case 'connecting':
            return [banner.hidden ? t.connecting : t.no_link, ''];
        case 'waiting':
        case 'offline':
            return [t.no_link, t.retry_now];
        case 'closed':
            return s.reason === 'replaced' ? [t.replaced, t.use_here]
                : gone(s) ? [t.suspended, ''] : [t.failed, t.retry_now];
        default:
            return ['', ''];
        }
    };

    const look = (): void =>
        model.looked(!panel.hidden && document.visibilityState === 'visible');

    const open = (focus: boolean): void => {
        if (panel.hidden) {
            panel.hidden = false;
            panel.classList.toggle('rise', focus);
            place.opened(true);
            log.classList.add('still');
            stick = true;
            model.start();
            draw();
            composer.fit();
            look();
            requestAnimationFrame(() => log.classList.remove('still'));
        }

        if (focus) {
            // on a touch screen that would raise the keyboard
            (matchMedia('(hover: hover)').matches ? composer : panel).focus();
        }
    };

    const close = (focus: boolean): void => {
        panel.hidden = true;
        jump.hidden = true;
        place.opened(false);
        look();

        if (focus) {
            button.focus();
        }
    };

    panel.addEventListener('keydown', (e) => {
        if (e.key === 'Escape' && !e.isComposing) {
            e.stopPropagation();

            if (!composer.escape() && !head.escape()) {
                close(true);
            }
        }
    });

    scroll.addEventListener('scroll', () => {
        stick = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight
            < NEAR_PX;

        if (stick) {
            jump.hidden = true;
        }

        if (scroll.scrollTop < NEAR_PX) {
            model.earlier();
        }
    }, { passive: true });

    jump.addEventListener('click', () => {
        stick = true;
        jump.hidden = true;
        follow();
    });

    new ResizeObserver(follow).observe(scroll);

    document.addEventListener('visibilitychange', look);
    keyboard(panel);
    model.dialog.watch(redraw);
    model.pending.watch(redraw);
    model.failed.watch(redraw);
    model.online.watch(redraw);
    model.status.watch((status) => {
        connection(status);
        redraw();
    });
    model.unread.watch((n) => place.badge(panel.hidden ? n : 0));

    if (button.getAttribute('aria-expanded') !== 'true') {
        // here for the sake of the badge: a conversation goes on
        model.start();
    }

    return { open, close: () => close(true) };
}


/** The site does not want us: nothing here will help. */
function gone(s: Status): boolean {
    return FATAL.includes(s.reason ?? '');
}


function ownerName({ view, events }: DialogState): string | undefined {
    for (let i = events.length - 1; i >= 0; i--) {
        const e = events[i] as ChatEvent;
        const actor = e.e === 'dialog_taken' ? e.body.operator
            : e.e === 'message_posted' ? e.body.from : undefined;

        if (actor?.kind === 'operator' && actor.id === view?.owner) {
            return actor.name;
        }
    }

    return undefined;
}


function theme(host: HTMLElement, wanted: Place['options']['theme']): void {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const apply = (): void => {
        host.dataset.theme = wanted !== 'auto' ? wanted
            : dark.matches ? 'dark' : 'light';
    };

    dark.addEventListener('change', apply);
    apply();
}


/** On phones the keyboard covers a part of the page: stay in what is seen. */
function keyboard(panel: HTMLElement): void {
    const view = window.visualViewport;

    const fit = (): void => {
        const covered = !!view && view.scale === 1
            && window.innerHeight - view.height > 80;

        panel.classList.toggle('pinned', covered);

        if (view && covered) {
            panel.style.setProperty('--height', view.height + 'px');
            panel.style.setProperty('--top', view.offsetTop + 'px');
        }
    };

    view?.addEventListener('resize', fit);
    view?.addEventListener('scroll', fit);
}
