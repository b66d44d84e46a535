/*
 * Written by schema/gen.pl from schema/chat.schema: do not edit.
 * 64-bit numbers are strings of digits, times are ms UTC.
 */

/** Who did it. */
export type ActorKind =
    | 'visitor'
    | 'operator'
    | 'system';

/** The life of a dialog. */
export type DialogState =
    | 'queued'
    | 'active'
    | 'closed';

/** Why a dialog was closed. */
export type CloseReason =
    | 'visitor'
    | 'operator'
    | 'idle';

/** Why a dialog went back to the queue. */
export type ReleaseReason =
    | 'operator'
    | 'no_answer';

/** What a member may do on a site; each includes the next. */
export type Role =
    | 'owner'
    | 'admin'
    | 'supervisor'
    | 'operator'
    | 'analyst';

/** The way to the store, as a client should show it. */
export type LinkState =
    | 'up'
    | 'down';

/** Why the server ends a connection. */
export type ByeReason =
    | 'reload'
    | 'slow'
    | 'revoked'
    | 'idle'
    | 'replaced'
    | 'limit';

/** A visitor began a dialog; it waits in the queue. */
export interface DialogOpenedBody {
    name?: string;
    page?: string;
}

/** Somebody wrote. */
export interface MessagePostedBody {
    from: Author;
    text: string;
}

/** An operator took it from the queue. */
export interface DialogTakenBody {
    operator: Author;
}

/** The dialog ended. */
export interface DialogClosedBody {
    by: Author;
    reason: CloseReason;
}

/** It went back to the queue. */
export interface DialogReleasedBody {
    by: Author;
    reason: ReleaseReason;
}

/**
 * The visitor wrote again within 72 hours; what a list shows of a dialog it
 * has not.
 */
export interface DialogReopenedBody {
    name?: string;
    page?: string;
    /** when it began */
    opened_ms?: string;
    /** of the dialog, after this */
    rev?: string;
}

/** Events clients see, by name. */
export interface EventBodies {
    dialog_opened: DialogOpenedBody;
    message_posted: MessagePostedBody;
    dialog_taken: DialogTakenBody;
    dialog_closed: DialogClosedBody;
    dialog_released: DialogReleasedBody;
    dialog_reopened: DialogReopenedBody;
}

export type EventName = keyof EventBodies;

/** The author of an event. */
export interface Author {
    kind: ActorKind;
    /** operator's id; absent for visitor and system */
    id?: string;
    /** name to show */
    name?: string;
}

/** A dialog as lists show it. */
export interface DialogView {
    id: string;
    /** site's id */
    site: string;
    visitor: string;
    state: DialogState;
    /** changes with every decision */
    rev: string;
    /** number of the last public event */
    seq: string;
    /** id of the last event folded in */
    last: string;
    /** operator's id, while active */
    owner?: string;
    /** the visitor's name */
    name?: string;
    opened_ms: string;
    /** since when it waits in the queue */
    queued_ms?: string;
    /** since when the visitor waits for an answer */
    wait_ms?: string;
    closed_ms?: string;
    /** beginning of the last message */
    text?: string;
    /** page the dialog was begun on */
    page?: string;
}

/** A site as the cabinet shows it. */
export interface SiteView {
    id: string;
    name: string;
    role: Role;
}

/** A colleague. */
export interface OperatorView {
    id: string;
    name: string;
    online?: boolean;
}

/** An event of the log as clients see it. */
export interface EventViewOf<E extends EventName> {
    /** event's name */
    e: E;
    /** its log id; the order of everything */
    id: string;
    dialog: string;
    /** contiguous number among the dialog's public events */
    seq?: string;
    /** INSTANCE:N of the client that sent it */
    sender?: string;
    /** the event's own fields */
    body: EventBodies[E];
}

export type EventView =
    { [E in EventName]: EventViewOf<E> }[EventName];

/** Body of POST /api/v1/login. */
export interface LoginRequest {
    login: string;
    password: string;
}

/** Who is logged in: answer to login and GET /api/v1/me. */
export interface MeView {
    operator: OperatorView;
    /** for the X-CSRF header */
    csrf: string;
    sites: SiteView[];
    /** when the session ends */
    expires_ms: string;
}

/** One of an operator's logins. */
export interface SessionInfo {
    id: string;
    created_ms: string;
    expires_ms: string;
    /** browser */
    agent?: string;
    ip?: string;
    /** the one that asks */
    current?: boolean;
}

/** Answer to GET /api/v1/sessions. */
export interface SessionsView {
    sessions: SessionInfo[];
}

/** Answer to POST v1/visitor. */
export interface VisitorIdentity {
    visitor: string;
    /** for Authorization: Bearer, where there are no cookies */
    token: string;
    expires_ms: string;
}

/** Bounds a client should keep. */
export interface LimitsView {
    /** characters in a message */
    text_max: number;
    /** silence after which to send ping */
    ping_ms: number;
    /** acknowledged sends to keep for resending */
    tail: number;
    /**
     * cut without a word, and nobody waits for it: come back after a random
     * part of this
     */
    return_ms?: number;
}

/** An event as lists carry it. */
export type ChatEvent = EventView;

/** First frame of a connection: who I am and what I have seen. */
export interface HelloCommand {
    t: 'hello';
    /** random, [A-Za-z0-9_-]; one per tab, kept over reloads */
    instance: string;
    /** from the last frame that carried one */
    cursor?: string;
    /** visitor: where he is */
    page?: string;
}

/** Write into a dialog; a visitor's first message opens it. */
export interface PostMessageCommand {
    t: 'post_message';
    /** last accepted number of this instance + 1 */
    n: string;
    /** operator: which dialog */
    dialog?: string;
    text: string;
    /** visitor: page, kept if this opens a dialog */
    page?: string;
}

/** Take a dialog from the queue. */
export interface TakeDialogCommand {
    t: 'take_dialog';
    n: string;
    dialog: string;
}

/** End a dialog. */
export interface CloseDialogCommand {
    t: 'close_dialog';
    n: string;
    /** operator: which dialog */
    dialog?: string;
}

/** Give a dialog back to the queue. */
export interface ReleaseDialogCommand {
    t: 'release_dialog';
    n: string;
    dialog: string;
}

/** I am typing; at most one each 2 s. */
export interface TypingCommand {
    t: 'typing';
    /** operator: which dialog */
    dialog?: string;
}

/** Send me public events of a dialog after a number. */
export interface HistoryCommand {
    t: 'history';
    dialog: string;
    /** 0 = from the beginning */
    after: string;
}

/** Are you there? */
export interface PingCommand {
    t: 'ping';
}

/** What clients send. */
export type Command =
    | HelloCommand
    | PostMessageCommand
    | TakeDialogCommand
    | CloseDialogCommand
    | ReleaseDialogCommand
    | TypingCommand
    | HistoryCommand
    | PingCommand;

/** Answer to hello; everything after it continues from `cursor`. */
export interface WelcomeFrame {
    t: 'welcome';
    cursor: string;
    /**
     * forget what you have: the store's history changed or your cursor is too
     * old
     */
    reset: boolean;
    /** last accepted number of your instance; 0 = none */
    n: string;
    limits: LimitsView;
    link: LinkState;
    /** visitor: an operator is there */
    online?: boolean;
    /** visitor: the last dialog, if any */
    dialog?: DialogView;
    /** visitor: its public events you have not seen */
    events?: EventView[];
    /**
     * operator: dialogs changed since the cursor (all open ones when reset)
     */
    dialogs?: DialogView[];
    /** operator: you */
    operator?: OperatorView;
    /** operator: people of the account */
    colleagues?: OperatorView[];
    /** operator: your sites */
    sites?: SiteView[];
}

/** Something happened; `cursor` says how far you are. */
export interface EventFrameOf<E extends EventName> {
    t: 'event';
    cursor: string;
    e: E;
    id: string;
    dialog: string;
    seq?: string;
    sender?: string;
    /** operator: the dialog, with its first event */
    view?: DialogView;
    body: EventBodies[E];
}

export type EventFrame =
    { [E in EventName]: EventFrameOf<E> }[EventName];

/** Your write number n is in the log. */
export interface AckFrame {
    t: 'ack';
    n: string;
    id: string;
    dialog: string;
    seq?: string;
    /** it had been accepted before */
    already?: boolean;
}

/** A command was refused.  Without n it is about the frame itself. */
export interface ErrorFrame {
    t: 'error';
    /** name from the error table */
    code: string;
    text: string;
    /** number of the refused write */
    n?: string;
    /** gap: the number to resend from */
    expected?: string;
    /** temporary: send the same number again after this */
    retry_ms?: number;
    /** which field */
    field?: string;
    /** byte of the frame */
    offset?: number;
}

/** Public events of a dialog, in order. */
export interface HistoryFrame {
    t: 'history';
    dialog: string;
    events: EventView[];
    /** ask again after the last one */
    more: boolean;
}

/** Somebody is typing; forget it after 5 s or at his message. */
export interface TypingFrame {
    t: 'typing';
    dialog: string;
    from: Author;
}

/** Operators came or went. */
export interface PresenceFrame {
    t: 'presence';
    /** visitor: an operator of the site is there */
    online?: boolean;
    /** operator: whose state changed */
    operators?: OperatorView[];
}

/** The way to the store changed. */
export interface LinkFrame {
    t: 'link';
    link: LinkState;
}

/** The connection ends now; come back after after_ms. */
export interface ByeFrame {
    t: 'bye';
    reason: ByeReason;
    /** 0 = at once; spread yourself over 0..after_ms */
    after_ms: number;
    /** false: do not come back without a new login */
    resume: boolean;
}

/** I am here. */
export interface PongFrame {
    t: 'pong';
}

/** What the server sends. */
export type ServerFrame =
    | WelcomeFrame
    | EventFrame
    | AckFrame
    | ErrorFrame
    | HistoryFrame
    | TypingFrame
    | PresenceFrame
    | LinkFrame
    | ByeFrame
    | PongFrame;

/** What to do after an error. */
export type ErrorClass =
    | 'final'
    | 'temporary'
    | 'gap';

/** Names of errors. */
export type ErrorCode =
    | 'bad_json'
    | 'bad_field'
    | 'unknown_command'
    | 'too_large'
    | 'unauthorized'
    | 'forbidden'
    | 'not_found'
    | 'conflict'
    | 'closed'
    | 'gap'
    | 'busy'
    | 'store_down'
    | 'store_full'
    | 'rate'
    | 'misdirected'
    | 'bad_origin'
    | 'bad_cursor'
    | 'expected_hello'
    | 'bad_credentials'
    | 'throttled'
    | 'bad_csrf'
    | 'method'
    | 'media_type'
    | 'upgrade'
    | 'suspended'
    | 'internal'
    | 'length'
    | 'insecure';

export interface ErrorInfo {
    number: number;
    http: number;
    class: ErrorClass;
    text: string;
}

export const ERRORS: Readonly<Record<ErrorCode, ErrorInfo>> = {
    bad_json: {
        number: 1,
        http: 400,
        class: 'final',
        text: 'The frame is not a JSON object.',
    },
    bad_field: {
        number: 2,
        http: 400,
        class: 'final',
        text: 'A field is missing, unknown or out of range.',
    },
    unknown_command: {
        number: 3,
        http: 400,
        class: 'final',
        text: 'There is no such command.',
    },
    too_large: {
        number: 4,
        http: 413,
        class: 'final',
        text: 'The frame is too large.',
    },
    unauthorized: {
        number: 5,
        http: 401,
        class: 'final',
        text: 'Log in or get a visitor token first.',
    },
    forbidden: {
        number: 6,
        http: 403,
        class: 'final',
        text: 'You may not do that.',
    },
    not_found: {
        number: 7,
        http: 404,
        class: 'final',
        text: 'There is no such thing.',
    },
    conflict: {
        number: 8,
        http: 409,
        class: 'final',
        text: 'Somebody else was faster.',
    },
    closed: {
        number: 9,
        http: 409,
        class: 'final',
        text: 'The dialog is closed.',
    },
    gap: {
        number: 10,
        http: 409,
        class: 'gap',
        text: 'Numbers are missing: resend from `expected`.',
    },
    busy: {
        number: 11,
        http: 503,
        class: 'temporary',
        text: 'Too much waits here; try again.',
    },
    store_down: {
        number: 12,
        http: 503,
        class: 'temporary',
        text: 'The store is away; nothing is lost on your side.',
    },
    store_full: {
        number: 13,
        http: 503,
        class: 'temporary',
        text: 'The store is full; new messages are refused until there is room.',
    },
    rate: {
        number: 14,
        http: 429,
        class: 'temporary',
        text: 'Too many requests.',
    },
    misdirected: {
        number: 15,
        http: 421,
        class: 'final',
        text: 'This host does not serve that site.',
    },
    bad_origin: {
        number: 16,
        http: 403,
        class: 'final',
        text: 'The Origin is not one of this site\'s hosts.',
    },
    bad_cursor: {
        number: 17,
        http: 400,
        class: 'final',
        text: 'The cursor is damaged; say hello without it.',
    },
    expected_hello: {
        number: 18,
        http: 400,
        class: 'final',
        text: 'The first frame must be hello.',
    },
    bad_credentials: {
        number: 19,
        http: 401,
        class: 'final',
        text: 'Wrong login or password.',
    },
    throttled: {
        number: 20,
        http: 429,
        class: 'temporary',
        text: 'Too many attempts; wait.',
    },
    bad_csrf: {
        number: 21,
        http: 403,
        class: 'final',
        text: 'The CSRF header is missing or wrong.',
    },
    method: {
        number: 22,
        http: 405,
        class: 'final',
        text: 'This address does not take that method.',
    },
    media_type: {
        number: 23,
        http: 415,
        class: 'final',
        text: 'Send application/json.',
    },
    upgrade: {
        number: 24,
        http: 426,
        class: 'final',
        text: 'This address speaks WebSocket version 13 only.',
    },
    suspended: {
        number: 25,
        http: 403,
        class: 'final',
        text: 'Chat is switched off for this site.',
    },
    internal: {
        number: 26,
        http: 500,
        class: 'temporary',
        text: 'Something failed on our side; it is logged.',
    },
    length: {
        number: 27,
        http: 411,
        class: 'final',
        text: 'Send the length of the body (Content-Length).',
    },
    insecure: {
        number: 28,
        http: 403,
        class: 'final',
        text: 'Passwords are taken over HTTPS only.',
    },
};

export const LIMITS = {
    /** characters in a message */
    text_max: 4000,
    /** bytes of a client's frame or POST body */
    frame_max: 65536,
    /** bytes of an event's body in the log */
    body_max: 65536,
    /** instances remembered per sender, the oldest is forgotten */
    instances: 16,
    /** sends acknowledged ones a client keeps */
    tail: 32,
    /** commands waiting in one session */
    session_queue: 32,
    /** bytes of text in the commands waiting in one session */
    session_bytes: 131072,
    /** events in one history frame */
    history_page: 100,
    /** dialogs in one welcome; beyond it the cabinet pages */
    dialogs_max: 1000,
    /** ms after closing in which a message reopens (METRICS 12) */
    reopen_ms: 259200000,
    /** ms between two typing events of a sender */
    typing_ms: 2000,
} as const;
