/* The default catalogue: its keys are the keys of every language. */

export const en = {
    title: 'Support',
    close: 'Close chat',
    panel: 'Chat with support',
    thread: 'Messages',
    online: 'Online',
    away: 'Away: leave us a message',
    waiting: 'Finding someone to help you',
    joined: (name: string) => `${name} is with you`,
    hello: 'Hello!',
    hello_online: 'Ask us anything: we are here.',
    hello_away:
        'Leave a message: the answer will be waiting for you here.',
    placeholder: 'Write a message',
    placeholder_closed: 'Write again',
    send: 'Send',
    emoji: 'Emoji',
    menu: 'More',
    end: 'End this chat',
    end_sure: 'End this chat?',
    end_yes: 'End',
    cancel: 'Cancel',
    ended: 'The chat has ended',
    ended_by_you: 'You ended the chat',
    ended_idle: 'The chat ended: nobody wrote for a while',
    reopened: 'The chat goes on',
    released: 'Passing you to someone else on our team',
    you: 'You',
    operator: 'Operator',
    typing: (name: string) => `${name} is typing`,
    sending: 'Sending',
    sent: 'Sent',
    not_sent: 'Not sent',
    retry: 'Try again',
    remove: 'Delete',
    fresh: 'New messages',
    connecting: 'Connecting…',
    no_link: 'No connection. What you write is kept and will be sent.',
    store_away: 'A short break on our side. What you write is kept and will be'
        + ' sent.',
    retry_now: 'Retry now',
    suspended: 'Chat is not available on this site now.',
    replaced: 'The chat goes on in another window.',
    use_here: 'Continue here',
    failed: 'The chat could not be started.',
    left: (n: number) => `Characters left: ${n}`,
    too_long: (n: number) => `Characters over the limit: ${n}`,
};

export type Catalogue = typeof en;

export interface Language {
    t: Catalogue;
    /** BCP 47, for dates and plurals */
    tag: string;
    /** Of the catalogue; each message finds its own. */
    dir: 'ltr' | 'rtl';
}
