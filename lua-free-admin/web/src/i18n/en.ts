/*
 * The default catalogue: its keys are the type every other language must
 * have.  {name} is replaced; a plural is an object by CLDR category.
 */

/** By CLDR plural category; `other` is for what a language leaves out. */
type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

export const en = {
    app: 'Chat',

    login_title: 'Sign in to the cabinet',
    login_login: 'Login',
    login_password: 'Password',
    login_submit: 'Sign in',
    login_busy: 'Signing in…',
    login_show: 'Show password',
    login_hide: 'Hide password',
    login_bad: 'Wrong login or password.',
    login_throttled: 'Too many attempts. Try again in {time}.',
    login_down: 'The server cannot check passwords right now. Try again in a moment.',
    login_forbidden: 'This account may not answer on this site.',
    login_offline: 'No connection to the server.',
    login_ended: 'Your session was ended. Sign in again.',

    link_connecting: 'Connecting…',
    link_live: 'Connected',
    link_waiting: 'Connection lost. Reconnecting…',
    link_offline: 'You are offline. What you write is kept and sent later.',
    link_down: 'Messages are delayed. What you write is kept and sent later.',
    link_retry: 'Try now',

    tab_queue: 'Queue',
    tab_mine: 'Mine',
    tab_others: 'Colleagues',
    tab_closed: 'Closed',

    empty_queue: 'Nobody is waiting',
    empty_queue_more: 'New dialogs appear here by themselves.',
    empty_mine: 'No dialogs of yours',
    empty_mine_more: 'Take one from the queue.',
    empty_others: 'No dialogs of colleagues',
    empty_others_more: 'Dialogs that others have taken are shown here.',
    empty_closed: 'Nothing closed recently',
    empty_closed_more: 'Dialogs that end while you are here are kept here.',
    empty_thread: 'Choose a dialog',
    empty_thread_more: 'Use the arrow keys and Enter, or click one.',

    visitor: 'Visitor {id}',
    you: 'You',
    wait_label: 'Waits for {time}',

    take: 'Take dialog',
    close: 'End dialog',
    release: 'Back to queue',
    back: 'Back to the list',
    close_sure: 'End this dialog?',
    cancel: 'Cancel',

    write: 'Write an answer…',
    send: 'Send',
    send_hint: 'Enter sends, Shift+Enter starts a new line',
    left: { one: '{n} character left', other: '{n} characters left' } as Plural,
    over: { one: '{n} character too many', other: '{n} characters too many' } as Plural,
    must_take: 'Take the dialog to answer.',
    is_others: '{name} answers in this dialog.',
    is_closed: 'This dialog has ended.',
    typing: '{name} is typing…',
    loading: 'Loading messages…',

    pending: 'Not sent yet',
    sent: 'Sent',
    refused: 'Not accepted: {text}',
    dismiss: 'Dismiss',

    ev_opened: 'Dialog begun',
    ev_opened_page: 'Dialog begun on {page}',
    ev_taken: '{name} took the dialog',
    ev_closed_visitor: 'The visitor ended the dialog',
    ev_closed_operator: '{name} ended the dialog',
    ev_closed_idle: 'Ended: nobody wrote for a while',
    ev_released_operator: '{name} gave the dialog back',
    ev_released_no_answer: 'Back in the queue: not answered in time',
    ev_reopened: 'The visitor wrote again',

    card: 'About the visitor',
    card_site: 'Site',
    card_page: 'Begun on page',
    card_state: 'State',
    card_owner: 'Operator',
    card_opened: 'Begun',
    card_waits: 'Waits since',
    card_messages: 'Events',
    card_id: 'Dialog',
    state_queued: 'In the queue',
    state_active: 'Being answered',
    state_closed: 'Ended',

    menu: 'Your account',
    theme: 'Appearance',
    theme_auto: 'As the system',
    theme_light: 'Light',
    theme_dark: 'Dark',
    language: 'Language',
    sessions: 'Where you are signed in',
    session_current: 'this one',
    session_end: 'End',
    session_since: 'since {time}',
    sessions_none: 'Only here.',
    logout: 'Sign out',
    logout_failed: 'You are still signed in: the server did not answer. Try again.',
    online: 'Online now',
    done: 'Done',

    now: 'just now',
    today: 'Today',
    yesterday: 'Yesterday',
};

export type Catalogue = typeof en;
