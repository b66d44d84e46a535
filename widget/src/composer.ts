/* Where one writes: Enter sends, Shift+Enter begins a line. */

import { h } from './dom.ts';
import type { Catalogue } from './i18n/en.ts';
import { SEND, SMILE, icon } from './icons.ts';
import { length } from './text.ts';

export interface Composer {
    readonly element: HTMLElement;
    focus(): void;
    /** Closes what is open above it; true: there was something. */
    escape(): boolean;
    set(change: { placeholder: string; disabled: boolean }): void;
    /** Call when it has become visible: hidden fields have no height. */
    fit(): void;
}

interface Hooks {
    post(text: string): void;
    typing(): void;
    changed(text: string): void;
    text_max(): number;
}

const EMOJI = '😀 😊 😂 😉 😍 🤔 😢 😮 👍 👎 👌 🙏 👋 🙌 🤝 ❤️ 🔥 🎉 ✅ ❌ 📦 🚚 💳 📞'
    .split(' ');
const NEAR = 200;
const HEIGHT_MAX = 136;


export function createComposer(t: Catalogue, draft: string, hooks: Hooks)
    : Composer
{
    const field = h('textarea', { rows: 1, dir: 'auto', enterkeyhint: 'send',
        'aria-label': t.placeholder, 'aria-describedby': 'count' });
    const count = h('div', { class: 'count', id: 'count', role: 'status' });
    const go = h('button', { type: 'submit', class: 'go',
        'aria-label': t.send }, icon(SEND));
    const smile = h('button', { type: 'button', class: 'tool',
        'aria-label': t.emoji, 'aria-expanded': 'false' }, icon(SMILE));
    let picker: HTMLElement | undefined;
    let off = false;

    const fit = (): void => {
        // measured small, it must not give its place to the thread meanwhile
        const { style, offsetHeight } = field.parentElement!;

        style.minHeight = offsetHeight + 'px';
        field.style.height = 'auto';
        field.style.height = Math.min(field.scrollHeight, HEIGHT_MAX) + 'px';
        field.style.overflowY =
            field.scrollHeight > HEIGHT_MAX ? 'auto' : 'hidden';
        style.minHeight = '';
    };

    const check = (): void => {
        const left = hooks.text_max() - length(field.value.trim());

        go.disabled = off || left < 0 || field.value.trim() === '';
        count.classList.toggle('over', left < 0);
        count.textContent = left < 0 ? t.too_long(-left)
            : left < NEAR ? t.left(left) : '';
        fit();
    };

    const send = (): void => {
        check();

        if (!go.disabled) {
            hooks.post(field.value.trim());
            field.value = '';
            hooks.changed('');
            check();
        }
    };

    const insert = (text: string): void => {
        field.setRangeText(text, field.selectionStart, field.selectionEnd,
            'end');
        hooks.changed(field.value);
        check();
        field.focus();
    };

    const pick = (open: boolean): void => {
        picker?.remove();
        picker = open ? h('div', { class: 'emoji', role: 'group',
            'aria-label': t.emoji, on: { keydown: walk } },
        ...EMOJI.map((e) => h('button', { type: 'button', on: {
            click: () => {
                pick(false);
                insert(e);
            } } }, e))) : undefined;

        if (picker) {
            element.append(picker);
            picker.querySelector('button')?.focus();
        }

        smile.setAttribute('aria-expanded', String(open));
    };

    const element = h('form', { class: 'write', on: {
        submit: (e) => {
            e.preventDefault();
            send();
        } } },
    h('div', { class: 'field' }, field, smile, go), count);

    field.value = draft;

    field.addEventListener('input', () => {
        hooks.changed(field.value);
        check();

        if (field.value.trim() !== '') {
            hooks.typing();
        }
    });

    field.addEventListener('keydown', (e) => {
        // an input method's Enter chooses a word
        if (e.key === 'Enter' && !e.shiftKey && !e.isComposing
            && e.keyCode !== 229)
        {
            e.preventDefault();
            send();
        }
    });

    smile.addEventListener('click', () => pick(!picker));
    field.addEventListener('focus', () => picker && pick(false));
    check();

    return {
        element,
        focus: () => field.focus(),
        fit: check,

        escape: () => {
            if (!picker) {
                return false;
            }

            pick(false);
            smile.focus();
            return true;
        },

        set: ({ placeholder, disabled }) => {
            off = disabled;
            field.placeholder = placeholder;
            field.disabled = smile.disabled = disabled;
            check();
        },
    };
}


/** Arrows through the rows of eight. */
function walk(e: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 8, ArrowUp: -8 }[
        e.key];
    const buttons = [...(e.currentTarget as HTMLElement).children];
    const at = buttons.indexOf(e.target as Element);

    if (step && at >= 0) {
        e.preventDefault();
        (buttons[at + step] as HTMLElement | undefined)?.focus();
    }
}
