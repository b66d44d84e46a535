export { ChatClient } from './client.ts';
export type { ClientOptions, Written } from './client.ts';
export { NO_DIALOG, earlier, foldView, hasSender, missing, typists,
    withEvents, withTyping, withView } from './dialog.ts';
export type { DialogState, Typist } from './dialog.ts';
export { browserHost, storageKeep } from './host.ts';
export type { Host, Keep } from './host.ts';
export { compareIds, idTime, num } from './ids.ts';
export { EMPTY_INBOX, inboxEvent, inboxLists, inboxPresence, inboxWelcome }
    from './inbox.ts';
export type { InboxState, Lists } from './inbox.ts';
export type { Entry, Pending, Refused, Result, Saved } from './outbox.ts';
export { FATAL } from './session.ts';
export type { Phase, Status } from './session.ts';
export { atom } from './store.ts';
export type { Atom } from './store.ts';
export { claimInstance, saveInstance } from './tab.ts';
export type { Claim } from './tab.ts';
export type { TransportName } from './transport.ts';
export type * from './types.ts';
