/*
 * Between the loader (on every page) and the panel (fetched when it is
 * opened).  A panel may be newer than the loader of an old page: only add.
 */

export interface Options {
    /** BCP 47: as the page says, else the browser */
    lang: string;
    theme: 'light' | 'dark' | 'auto';
    side: 'left' | 'right';
    /** Shown in the header until an operator is there. */
    title: string;
    /** #rrggbb, or empty for ours */
    accent: string;
}

export interface Place {
    root: ShadowRoot;
    host: HTMLElement;
    button: HTMLButtonElement;
    /** The address of chat_path, with a slash at the end. */
    base: string;
    options: Options;
    /** Adds a style sheet to the root in a way every CSP allows. */
    style(css: string): void;
    /** What the button shows. */
    badge(unread: number): void;
    opened(open: boolean): void;
}

export interface Panel {
    open(focus: boolean): void;
    close(): void;
}

export interface PanelModule {
    mount(place: Place): Panel;
}

/** Keys in storage both parts know, below this prefix. */
export const PREFIX = 'chat:';
export const OPEN = 'open';
/** A conversation may go on: "1" while there is one. */
export const BUSY = 'busy';
