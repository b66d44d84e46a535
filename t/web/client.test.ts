import test from 'node:test';
import assert from 'node:assert/strict';
import { ChatClient } from '../../client/src/client.ts';
import type { ClientOptions } from '../../client/src/client.ts';
import type { Saved } from '../../client/src/outbox.ts';
import type { EventFrame, ServerFrame } from '../../client/src/types.ts';
import { World, settle, welcome } from './fake.ts';

const D = '018bcfe568000001';

function rig(change: Partial<ClientOptions> = {}) {
    const world = new World();
    const kept = { saved: undefined as Saved | undefined,
        cursor: undefined as string | undefined };
    const seen: string[] = [];
    const chat = new ChatClient({
        host: world.host,
        url: 'http://shop.example/_chat/v1/',
        save: (saved) => {
            kept.saved = JSON.parse(JSON.stringify(saved)) as Saved;
        },
        cursorMoved: (cursor) => {
            kept.cursor = cursor;
        },
        watched: () => true,
        renew: () => Promise.resolve(true),
        ...change,
    });

    chat.frames((frame) => void seen.push(frame.t));

    const open = (frame = welcome()): void => {
        world.socket.open();
        world.socket.say(frame);
    };
    const posts = (): string[] => world.socket.sent.flatMap((c) =>
        c.t === 'post_message' ? [`${c.n} ${c.text}`] : []);

    return { world, chat, kept, seen, open, posts };
}

function said(n: number, sender: string, cursor = 'c' + n): EventFrame {
    return { t: 'event', cursor, e: 'message_posted', id: `${1000 + n}-0`,
        dialog: D, seq: String(n), sender,
        body: { from: { kind: 'visitor' }, text: 'text' } } as EventFrame;
}

function acked(n: number): ServerFrame {
    return { t: 'ack', n: String(n), id: `${1000 + n}-0`, dialog: D,
        seq: String(n) };
}


test('written before the connection: sent after the welcome, then told',
    async () => {
        const r = rig();
        const first = r.chat.write({ t: 'post_message', text: 'a' });

        r.chat.start();
        r.open(welcome({ cursor: 'c0',
            limits: { text_max: 10, ping_ms: 30_000, tail: 32 } }));
        assert.deepEqual(r.posts(), ['1 a']);
        assert.equal(r.kept.cursor, 'c0');
        assert.equal(r.chat.limits.get().text_max, 10);
        assert.equal(r.chat.pending.get()[0]?.sender,
            r.chat.instance + ':1');

        r.world.socket.say(acked(1));
        assert.equal((await first.done).ok, true);
        assert.equal(r.chat.pending.get()[0]?.ack?.seq, '1');
    });


test('the event is proof enough, whichever comes first', async () => {
    const r = rig();

    r.chat.start();
    r.open();

    const a = r.chat.write({ t: 'post_message', text: 'a' });
    const b = r.chat.write({ t: 'post_message', text: 'b' });

    r.world.socket.say(said(1, r.chat.instance + ':1'));
    assert.equal((await a.done).ok, true);
    assert.deepEqual(r.posts(), ['1 a', '2 b']);

    // its ack comes late, and is of no interest any more
    r.world.socket.say(acked(1));
    r.world.socket.say(acked(2));
    assert.equal((await b.done).ok, true);
    assert.equal(r.kept.saved?.acked, 2);
});


test('listeners have an event before its cursor is kept', () => {
    const order: string[] = [];
    const r = rig({
        cursorMoved: (cursor) => void order.push('kept ' + cursor),
    });

    r.chat.frames((f) => 'cursor' in f && order.push('seen ' + f.cursor));
    r.chat.start();
    r.open(welcome({ cursor: 'c0' }));
    r.world.socket.say(said(1, 'x:1'));
    assert.deepEqual(order, ['seen c0', 'kept c0', 'seen c1', 'kept c1']);
});


test('lost in between: hello with the cursor, the rest with old numbers',
    async () => {
        const r = rig();

        r.chat.start();
        r.open();
        r.chat.write({ t: 'post_message', text: 'a' });
        r.chat.write({ t: 'post_message', text: 'b' });
        r.world.socket.say(said(1, r.chat.instance + ':1', 'c7'));
        r.world.socket.end();
        await r.world.run(1000);
        r.open(welcome({ n: '1' }));
        assert.deepEqual(r.world.socket.sent, [
            { t: 'hello', instance: r.chat.instance, cursor: 'c7' },
            { t: 'post_message', text: 'b', n: '2' }]);
    });


test('cut with a write on its way: soon, whoever looks', async () => {
    const r = rig({ watched: () => false });
    const limits = { ...welcome().limits, return_ms: 1e7 };
    const wait = (): number => r.chat.status.get().retry_at! - r.world.now;

    r.chat.start();
    r.open(welcome({ limits }));
    r.world.socket.end();
    assert.ok(wait() > 1000);

    r.chat.wake();
    r.open(welcome({ limits }));
    r.chat.write({ t: 'post_message', text: 'a' });
    r.world.socket.end();
    assert.ok(wait() <= 500);
});


test('a new instance says hello at once, under its new name', async () => {
    const r = rig({ saved: { instance: 'old-instance', acked: 2, tail: [],
        queue: [{ key: 'k', at_ms: 1,
            write: { t: 'post_message', text: 'a' } }] } });

    r.chat.start();
    r.open(welcome({ n: '0' }));
    await settle();

    // forgotten by the server: another name, another hello, the same text
    assert.notEqual(r.chat.instance, 'old-instance');
    assert.equal(r.world.sockets.length, 2);
    r.open(welcome());
    assert.deepEqual(r.world.socket.sent.map((c) => c.t),
        ['hello', 'post_message']);
    assert.equal(r.kept.saved?.instance, r.chat.instance);
    assert.equal(r.chat.status.get().phase, 'live');
});


test('refused for good: told, and gone from the list', async () => {
    const r = rig();

    r.chat.start();
    r.open();

    const { done } = r.chat.write({ t: 'post_message', text: 'a' });

    r.world.socket.say({ t: 'error', code: 'closed', text: 'The dialog is '
        + 'closed.', n: '1' });
    assert.deepEqual(await done,
        { ok: false, code: 'closed', text: 'The dialog is closed.' });
    assert.deepEqual(r.chat.pending.get(), []);
});


test('refused though a page before wrote it: told all the same', () => {
    const before = rig();

    before.chat.write({ t: 'post_message', text: 'a' });

    const told: string[] = [];
    const r = rig({
        saved: before.kept.saved,
        refused: ({ write }, why) => void told.push(
            `${why.code}: ${write.t === 'post_message' ? write.text : ''}`),
    });

    r.chat.start();
    r.open();
    r.world.socket.say({ t: 'error', code: 'closed', text: '', n: '1' });
    assert.deepEqual(told, ['closed: a']);
    assert.deepEqual(r.chat.pending.get(), []);
});


test('a session that ended while writing renews and goes on', async () => {
    let renewals = 0;
    const r = rig({ renew: () => {
        renewals++;
        return Promise.resolve(true);
    } });

    r.chat.start();
    r.open();
    r.chat.write({ t: 'post_message', text: 'a' });
    r.world.socket.say({ t: 'error', code: 'unauthorized', text: '',
        n: '1' });
    await settle();
    assert.equal(renewals, 1);
    r.open();
    assert.deepEqual(r.posts(), ['1 a']);
});


test('polling without a welcome: writes go out all the same', async () => {
    const r = rig({ prefer: 'poll' });

    delete r.world.host.WebSocket;
    delete r.world.host.EventSource;
    r.chat.write({ t: 'post_message', text: 'a' });
    r.chat.start();
    await r.world.run(1_500);
    assert.equal(r.chat.status.get().phase, 'live');
    assert.deepEqual(JSON.parse(r.world.request.init.body!),
        { t: 'post_message', text: 'a', n: '1' });
});


test('refresh forgets the cursor; commands need a connection', async () => {
    const r = rig({ cursor: 'c5' });

    assert.equal(r.chat.send({ t: 'typing' }), false);
    r.chat.start();
    r.open();
    assert.equal(r.chat.send({ t: 'typing' }), true);
    r.chat.refresh();
    assert.equal(r.kept.cursor, undefined);
    r.open();
    assert.deepEqual(r.world.socket.sent[0],
        { t: 'hello', instance: r.chat.instance });

    r.chat.stop();
    assert.equal(r.chat.status.get().phase, 'closed');
    assert.equal(r.chat.send({ t: 'typing' }), false);
});


test('whoever gives up what we have while he hears a frame means it', () => {
    const r = rig();

    r.chat.start();
    r.open(welcome({ cursor: 'c0' }));
    r.chat.frames((frame) => frame.t === 'event' && r.chat.refresh());
    r.world.socket.say(said(1, 'other:1'));
    r.world.socket.open();
    assert.deepEqual(r.world.socket.sent[0],
        { t: 'hello', instance: r.chat.instance });
    assert.equal(r.kept.cursor, undefined);
});


test('a history that was refused for now is asked for again', async () => {
    const r = rig();
    const asked = (): string[] => r.world.socket.sent.flatMap((c) =>
        c.t === 'history' ? [c.after] : []);
    const refuse = (retry_ms: number): void => r.world.socket.say(
        { t: 'error', code: 'store_down', text: '', retry_ms });

    r.chat.start();
    r.open();
    r.chat.send({ t: 'history', dialog: D, after: '0' });
    r.chat.send({ t: 'history', dialog: '018bcfe568000002', after: '7' });
    refuse(500);
    refuse(500);
    await r.world.run(499);
    assert.deepEqual(asked(), ['0', '7']);
    await r.world.run(1);
    assert.deepEqual(asked(), ['0', '7', '0', '7']);

    r.world.socket.say({ t: 'history', dialog: D, events: [], more: false });
    refuse(500);
    await r.world.run(500);
    assert.deepEqual(asked().slice(4), ['7'], 'not what was answered');

    refuse(500);
    r.world.socket.say(welcome());
    await r.world.run(500);
    assert.equal(asked().length, 5, 'nor after a welcome, which tells more');
});


test('a poll that goes on without a welcome asks again, too', async () => {
    const r = rig({ prefer: 'poll', cursor: 'c1' });
    const asked = (): number => r.world.requests.filter((q) =>
        q.init.body?.includes('history')).length;

    r.chat.start();
    await r.world.run(1_500);
    assert.equal(r.chat.status.get().phase, 'live');
    r.chat.send({ t: 'history', dialog: D, after: '0' });
    assert.equal(asked(), 1);

    // the network goes, and the poll ends first
    r.world.requests.forEach((q) => q.done || q.init.body || q.fail());
    await r.world.run(5_000);
    assert.equal(r.chat.status.get().phase, 'live');
    assert.equal(asked(), 2);
});
