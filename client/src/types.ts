/*
 * Names for the parts of the generated unions that this library and its users
 * speak of.  Everything is derived from the unions: a change of the schema
 * arrives here by itself.
 */

import type { ChatEvent, Command, ServerFrame } from '../gen/schema.ts';

export type { ChatEvent, Command, ServerFrame };

/** One kind of frame, event or command, by its name. */
export type Frame<T extends ServerFrame['t']> = Extract<ServerFrame, { t: T }>;
export type Event<E extends ChatEvent['e']> = Extract<ChatEvent, { e: E }>;
export type Cmd<T extends Command['t']> = Extract<Command, { t: T }>;

export type Welcome = Frame<'welcome'>;
export type EventFrame = Frame<'event'>;
export type Ack = Frame<'ack'>;
export type ErrorFrame = Frame<'error'>;
export type LinkState = Frame<'link'>['link'];
export type Limits = Welcome['limits'];
export type DialogView = NonNullable<Welcome['dialog']>;
export type SiteView = NonNullable<Welcome['sites']>[number];
export type OperatorView = NonNullable<Welcome['operator']>;
export type Actor = Frame<'typing'>['from'];

/** An event as lists carry it; `ChatEvent` says what is in the body. */
export type EventView = Frame<'history'>['events'][number];

/** Commands that change something carry a number. */
export type WriteCommand = Extract<Command, { n: string }>;

/** A write before it has a number: the outbox gives it one. */
export type Write = WriteCommand extends infer C
    ? C extends { n: string } ? Omit<C, 'n'> : never
    : never;
