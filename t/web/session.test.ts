import test from 'node:test';
import assert from 'node:assert/strict';
import { Session } from '../../client/src/session.ts';
import type { SessionOptions, Status } from '../../client/src/session.ts';
import type { ServerFrame } from '../../client/src/types.ts';
import { World, settle, welcome } from './fake.ts';

/** Chance that is always the half: a delay is half of its bound. */
const half = (): number => 0.5;

function rig(change: Partial<SessionOptions> = {}, random = half) {
    const world = new World(random);
    const frames: ServerFrame[] = [];
    const phases: string[] = [];
    const seen = {
        status: undefined as unknown as Status,
        cursor: undefined as string | undefined,
        renewals: 0, resumed: 0, forgotten: 0, worked: '',
    };

    const session = new Session({
        host: world.host,
        url: 'https://shop.example/_chat/v1/',
        instance: () => 'instance1',
        cursor: () => seen.cursor,
        frame: (frame) => {
            frames.push(frame);
            if ('cursor' in frame) {
                seen.cursor = frame.cursor;
            }
        },
        cursorMoved: (cursor) => {
            seen.cursor = cursor;
        },
        resumed: () => void seen.resumed++,
        status: (status) => {
            if (seen.status?.phase !== status.phase) {
                phases.push(status.phase);
            }
            seen.status = status;
        },
        forget: () => {
            seen.forgotten++;
            seen.cursor = undefined;
        },
        watched: () => true,
        renew: () => {
            seen.renewals++;
            return Promise.resolve(true);
        },
        worked: (name) => {
            seen.worked = name;
        },
        ...change,
    });

    /** A WebSocket that works, at once. */
    const live = async (): Promise<void> => {
        await settle();
        world.socket.open();
        world.socket.say(welcome());
        assert.equal(seen.status.phase, 'live');
    };

    return { world, session, frames, phases, seen, live };
}

function sent(r: ReturnType<typeof rig>): string[] {
    return r.world.socket.sent.map((c) => c.t);
}


/** The connection that is being opened fails, by whichever way. */
async function refuse({ world, seen }: ReturnType<typeof rig>)
    : Promise<void>
{
    switch (seen.status.transport) {
    case 'ws':
        world.socket.end();
        break;
    case 'sse':
        world.source.onerror?.(undefined as never);
        break;
    case 'poll':
        world.request.fail();
        await settle();
    }
}


test('hello with instance and cursor, welcome, live', async () => {
    const r = rig({ page: () => 'https://shop.example/boots' });

    r.seen.cursor = 'c0';
    r.session.start();
    assert.equal(r.seen.status.phase, 'connecting');
    assert.equal(r.world.socket.url, 'wss://shop.example/_chat/v1/ws');
    assert.equal(r.session.send({ t: 'ping' }), false);

    await r.live();
    assert.deepEqual(r.world.socket.sent, [{ t: 'hello',
        instance: 'instance1', cursor: 'c0',
        page: 'https://shop.example/boots' }]);
    assert.equal(r.session.send({ t: 'typing' }), true);
    assert.equal(r.seen.worked, 'ws');
});


test('a lost link comes back with full jitter, doubling, bounded', async () => {
    const r = rig();

    r.session.start();
    await r.live();
    r.world.socket.end();

    const waits: number[] = [];

    for (let i = 0; i < 5; i++) {
        const { retry_at } = r.seen.status;

        assert.equal(r.seen.status.phase, 'waiting');
        waits.push(retry_at! - r.world.now);
        await r.world.run(waits[i]!);
        assert.equal(r.seen.status.phase, 'connecting');
        r.world.socket.end();
    }

    assert.deepEqual(waits, [250, 500, 1000, 2000, 4000]);

    for (let i = 0; i < 10; i++) {
        await r.world.run(r.seen.status.retry_at! - r.world.now);
        await refuse(r);
    }

    assert.equal(r.seen.status.retry_at! - r.world.now, 15_000);
    assert.equal(r.frames.length, 1);
});


test('cut while nobody looks: it takes the time the server names',
    async () => {
        let watched = false;
        const r = rig({ watched: () => watched });
        const limits = { ...welcome().limits, return_ms: 8000 };
        const cut = (): number => {
            r.world.socket.end();
            assert.equal(r.seen.status.phase, 'waiting');
            return r.seen.status.retry_at! - r.world.now;
        };

        r.session.start();
        await settle();
        r.world.socket.open();
        r.world.socket.say(welcome({ limits }));

        assert.equal(cut(), 4000);
        await r.world.run(4000);
        assert.equal(cut(), 8000);

        // somebody looks: at once
        r.session.wake();
        await r.live();
        watched = true;
        assert.equal(cut(), 250);
    });


test('success makes the next delay short again', async () => {
    const r = rig();

    r.session.start();
    await r.live();

    for (let i = 0; i < 3; i++) {
        r.world.socket.end();
        await r.world.run(250);
        await r.live();
    }
});


test('WebSocket blocked: event stream at once; that blocked: polling',
    async () => {
        const r = rig();

        r.session.start();
        r.world.socket.end();
        assert.equal(r.world.source.url,
            'https://shop.example/_chat/v1/events?instance=instance1');

        r.world.source.onerror?.(undefined as never);
        assert.equal(r.world.source.closed, true);
        await r.world.run(0);
        assert.equal(r.world.request.url,
            'https://shop.example/_chat/v1/poll?instance=instance1'
            + '&presence=0');

        r.world.request.answer(200, { cursor: 'c1', frames: [welcome()] });
        await r.world.run(0);
        assert.equal(r.seen.status.phase, 'live');
        assert.equal(r.seen.status.transport, 'poll');
        assert.equal(r.seen.worked, 'poll');

        r.world.request.answer(200, { cursor: 'c2', presence: '00000001',
                                      frames: [] });
        await settle();
        assert.equal(r.seen.cursor, 'c2');
        await r.world.run(0);
        assert.equal(r.world.request.url.split('&')[1], 'cursor=c2');
        assert.equal(r.world.request.url.split('&')[2], 'presence=00000001');

        // a server that does not know it: nothing is known
        r.world.request.answer(200, { cursor: 'c3', frames: [] });
        await r.world.run(0);
        assert.equal(r.world.request.url.split('&')[2], 'presence=0');
    });


test('nothing works: back-off, then the best way first', async () => {
    const r = rig();

    r.session.start();
    r.world.socket.end();
    r.world.source.onerror?.(undefined as never);
    await r.world.run(0);
    r.world.request.fail();
    await settle();
    assert.equal(r.seen.status.phase, 'waiting');
    assert.equal(r.seen.status.transport, 'ws');
    await r.world.run(250);
    assert.equal(r.world.sockets.length, 2);
});


test('open but silent: a proxy that swallows frames', async () => {
    const r = rig();

    r.session.start();
    r.world.socket.open();
    await r.world.run(7_999);
    assert.equal(r.world.sources.length, 0);
    await r.world.run(1);
    assert.equal(r.world.socket.closed, true);

    // a stream that a proxy keeps to itself
    r.world.source.onopen?.(undefined as never);
    await r.world.run(8_000);
    assert.equal(r.world.source.closed, true);
    assert.equal(r.seen.status.transport, 'poll');
});


test('a connection that never opens is given up', async () => {
    const r = rig();

    r.session.start();
    await r.world.run(10_000);
    assert.equal(r.world.sockets[0]?.closed, true);
    assert.equal(r.world.sources.length, 1);
});


test('a way that worked is not given up for an outage', async () => {
    const r = rig();

    r.session.start();
    await r.live();
    r.world.socket.end();

    const wait = (): Promise<void> =>
        r.world.run(r.seen.status.retry_at! - r.world.now);

    for (let i = 0; i < 5; i++) {
        await wait();
        r.world.socket.end();
    }

    assert.equal(r.seen.status.transport, 'ws');
    await wait();
    r.world.socket.end();
    assert.equal(r.seen.status.transport, 'sse');
    assert.equal(r.seen.status.phase, 'waiting');

    // the outage is over: live on the second best, back to the best later
    await wait();
    r.world.source.onopen?.(undefined as never);
    r.world.source.say(welcome());
    assert.equal(r.seen.status.phase, 'live');

    const before = r.world.sockets.length;

    for (let i = 0; i < 4; i++) {
        r.world.source.say({ t: 'presence', online: true });
        await r.world.run(17_000);
    }

    assert.equal(r.world.sockets.length, before + 1);
    await r.live();
    assert.equal(r.seen.status.transport, 'ws');
});


test('without WebSocket and EventSource: polling', async () => {
    const world = new World(half);

    delete world.host.WebSocket;
    delete world.host.EventSource;

    const r = rig({ host: world.host });

    r.session.start();
    await world.run(0);
    assert.equal(world.requests.length, 1);

    // held: that is what it is for
    await world.run(1_500);
    assert.equal(r.seen.status.phase, 'live');
    assert.equal(r.seen.resumed, 1);

    // answers without news must not spin
    for (let i = 0; i < 3; i++) {
        world.request.answer(200, { cursor: 'c', frames: [] });
        await world.run(0);
    }

    assert(world.requests.length <= 3);
});


test('a CSP that makes the constructor throw is a blocked way', async () => {
    const r = rig();

    r.world.host.WebSocket = class {
        constructor() {
            throw new Error('SecurityError');
        }
    } as never;
    r.session.start();
    await r.world.run(0);
    assert.equal(r.world.sources.length, 1);
});


test('pings of clients that came together are spread', async () => {
    for (const [chance, ms] of [[0, 30_000], [0.5, 26_250], [0.96, 22_800]]) {
        const r = rig({}, () => chance!);

        r.session.start();
        await r.live();
        await r.world.run(ms! - 1);
        assert.deepEqual(sent(r), ['hello']);

        await r.world.run(1);
        assert.deepEqual(sent(r), ['hello', 'ping']);
    }
});


test('silence: ping; no answer: a new connection', async () => {
    const r = rig();

    r.session.start();
    await r.live();
    await r.world.run(26_250);
    assert.deepEqual(sent(r), ['hello', 'ping']);

    r.world.socket.say({ t: 'pong' });
    await r.world.run(26_249);
    assert.equal(sent(r).length, 2);

    await r.world.run(1);
    assert.equal(sent(r).length, 3);

    const old = r.world.socket;

    await r.world.run(26_250);
    assert.equal(old.closed, true);
    await r.world.run(250);
    assert.equal(r.world.sockets.length, 2);

    // what a dead link says later is not heard
    old.say(welcome());
    old.end();
    assert.equal(r.seen.status.phase, 'connecting');
    await r.live();
});


test('any frame breaks the silence', async () => {
    const r = rig();

    r.session.start();
    await r.live();

    for (let i = 0; i < 5; i++) {
        await r.world.run(20_000);
        r.world.socket.say({ t: 'presence', online: true });
    }

    assert.deepEqual(sent(r), ['hello']);
});


test('an event stream that is mute though POST answers: a new one',
    async () => {
        const r = rig({ prefer: 'sse' });

        r.session.start();
        r.world.source.onopen?.(undefined as never);
        r.world.source.say(welcome());
        assert.equal(r.seen.status.phase, 'live');

        for (let i = 0; i < 3; i++) {
            await r.world.run(30_000);
            if (!r.world.request.done) {
                r.world.request.answer(200, { t: 'pong' });
            }
        }

        await r.world.run(1_000);
        assert.equal(r.world.sources.length, 2);
    });


test('bye: back after a part of after_ms; closed 1012 without one too',
    async () => {
        const r = rig();

        r.session.start();
        await r.live();
        r.world.socket.say({ t: 'bye', reason: 'reload', after_ms: 4000,
            resume: true });
        assert.equal(r.seen.status.phase, 'waiting');
        assert.equal(r.seen.status.retry_at, r.world.now + 2000);
        assert.equal(r.world.socket.closed, true);

        await r.world.run(2000);
        await r.live();
        r.world.socket.end(1012);
        assert.equal(r.seen.status.retry_at, r.world.now + 1000);
    });


test('bye for good: closed with its reason; start() begins anew', async () => {
    const r = rig();

    r.session.start();
    await r.live();
    r.world.socket.say({ t: 'bye', reason: 'revoked', after_ms: 0,
        resume: false });
    assert.equal(r.seen.status.phase, 'closed');
    assert.equal(r.seen.status.reason, 'revoked');

    await r.world.run(100_000);
    r.session.wake(true);
    assert.equal(r.world.sockets.length, 1);

    r.session.start();
    await r.live();
});


test('4001: a new identity, once', async () => {
    const r = rig();

    r.session.start();
    await r.live();
    r.world.socket.end(4001);
    await settle();
    assert.equal(r.seen.renewals, 1);
    assert.equal(r.world.sockets.length, 2);

    r.world.socket.end(4001);
    await settle();
    assert.equal(r.seen.renewals, 1);
    assert.equal(r.seen.status.phase, 'closed');
    assert.equal(r.seen.status.reason, 'unauthorized');
});


test('401 to a poll: renewed, and the best way is tried again', async () => {
    const r = rig({ prefer: 'poll' });

    r.session.start();
    await r.world.run(0);
    r.world.request.answer(401, { t: 'error', code: 'unauthorized',
        text: '' });
    await settle();
    assert.equal(r.seen.renewals, 1);
    await r.world.run(0);
    assert.equal(r.world.requests.length, 2);
});


test('nobody can be had: closed; the renewal itself fails: later', async () => {
    let answer: () => Promise<boolean> = () => Promise.reject(new Error());
    const r = rig({ renew: () => answer() });

    r.session.start();
    await r.live();
    r.world.socket.end(4001);
    await settle();
    assert.equal(r.seen.status.phase, 'waiting');

    await r.world.run(500);
    answer = () => Promise.resolve(false);
    r.world.socket.end(4001);
    await settle();
    assert.equal(r.seen.status.reason, 'unauthorized');
});


test('a refused cursor is forgotten; a suspended site is the end',
    async () => {
        const r = rig();

        r.seen.cursor = 'damaged';
        r.session.start();
        r.world.socket.open();
        r.world.socket.say({ t: 'error', code: 'bad_cursor', text: '' });
        assert.equal(r.seen.forgotten, 1);
        await r.world.run(1000);

        if (r.seen.status.transport !== 'ws') {
            assert.fail('a bad cursor is not the transport\'s fault');
        }

        r.world.socket.open();
        assert.deepEqual(r.world.socket.sent,
            [{ t: 'hello', instance: 'instance1' }]);

        r.world.socket.say({ t: 'error', code: 'suspended', text: '' });
        assert.equal(r.seen.status.reason, 'suspended');
    });


test('an error about a command is no error of the connection', async () => {
    const r = rig();

    r.session.start();
    await r.live();
    r.session.send({ t: 'history', dialog: '018bcfe568000001', after: '0' });
    r.world.socket.say({ t: 'error', code: 'not_found', text: '' });
    r.world.socket.say({ t: 'error', code: 'forbidden', text: '' });
    r.world.socket.say({ t: 'error', code: 'rate', text: '' });
    assert.equal(r.seen.status.phase, 'live');
    assert.equal(r.world.sockets.length, 1);
});


test('Retry-After is a lower bound', async () => {
    const r = rig({ prefer: 'poll' });

    delete r.world.host.WebSocket;
    delete r.world.host.EventSource;
    r.session.start();
    await r.world.run(0);
    r.world.request.answer(503, undefined, { 'retry-after': '7' });
    await settle();
    assert.equal(r.seen.status.retry_at, r.world.now + 7000 + 250);
});


test('the store is away: told, and the connection stays', async () => {
    const r = rig();

    r.session.start();
    await r.live();
    r.world.socket.say({ t: 'link', link: 'down' });
    assert.equal(r.seen.status.store, 'down');
    assert.equal(r.seen.status.phase, 'live');
    r.world.socket.say({ t: 'link', link: 'up' });
    assert.equal(r.seen.status.store, 'up');
});


test('the store is away when we come: we wait for it where we are',
    async () => {
        const r = rig();

        r.session.start();
        r.world.socket.open();
        r.world.socket.say({ t: 'link', link: 'down' });
        assert.equal(r.seen.status.phase, 'live');

        for (let i = 0; i < 20; i++) {
            await r.world.run(30_000);
            r.world.socket.say({ t: 'pong' });
        }

        assert.equal(r.world.sockets.length, 1);
        r.world.socket.say(welcome());
        assert.deepEqual([r.seen.status.phase, r.seen.status.store,
            r.seen.status.transport], ['live', 'up', 'ws']);
    });


test('another network while a way is being tried: from the start', () => {
    const r = rig({ prefer: 'sse' });

    r.session.start();
    assert.equal(r.world.sources.length, 1);
    r.session.wake(true);
    r.world.socket.open();
    r.world.socket.say(welcome());
    assert.deepEqual([r.seen.status.phase, r.seen.status.transport],
        ['live', 'ws']);
});


test('a lid opened after hours: back at once; after a nap: asked first',
    async () => {
        const r = rig();

        r.session.start();
        await r.live();
        r.world.sleep(3_600_000);
        await r.world.run(0);
        assert.equal(r.world.sockets.length, 2);
        await r.live();

        r.world.sleep(40_000);
        await r.world.run(0);
        assert.equal(r.world.sockets.length, 2);
        assert.deepEqual(sent(r), ['hello', 'ping']);

        await r.world.run(3_000);
        assert.equal(r.seen.status.phase, 'waiting');
    });


test('a hidden tab with slow timers does not reconnect', async () => {
    const r = rig();

    r.session.start();
    await r.live();

    for (let i = 0; i < 5; i++) {
        r.world.sleep(60_000);
        await r.world.run(0);
        r.world.socket.say({ t: 'pong' });
    }

    assert.equal(r.world.sockets.length, 1);
});


test('the network goes and comes', async () => {
    const r = rig();

    r.session.start();
    await r.live();
    r.session.networkLost();
    assert.deepEqual(sent(r), ['hello', 'ping']);

    await r.world.run(3_000);
    assert.equal(r.seen.status.phase, 'offline');

    r.session.wake(true);
    assert.equal(r.seen.status.phase, 'connecting');
    await r.live();

    // the browser was wrong about it
    r.session.networkLost();
    r.world.socket.say({ t: 'pong' });
    await r.world.run(5_000);
    assert.equal(r.seen.status.phase, 'live');
});


test('looked at again while waiting: at once', async () => {
    const r = rig();

    r.session.start();
    await r.live();
    r.world.socket.end();
    r.session.wake();
    assert.equal(r.world.sockets.length, 2);
});


test('rubbish and unknown frames harm nobody', async () => {
    const r = rig();

    r.session.start();
    await r.live();

    for (const text of ['', '{', '[]', '1', 'null', '{"t":7}',
        '{"t":"news from the future","x":{}}'])
    {
        r.world.socket.say(text);
    }

    assert.equal(r.seen.status.phase, 'live');
});


test('a history beside a stream is asked for by what was seen', async () => {
    const r = rig({ prefer: 'sse' });

    r.session.start();
    r.world.source.onopen?.(undefined as never);
    r.world.source.say(welcome());
    r.seen.cursor = 'c 1';
    r.session.send({ t: 'history', dialog: '018bcfe568000001', after: '0' });
    assert.equal(r.world.request.url,
        'https://shop.example/_chat/v1/send?instance=instance1&cursor=c%201');
});


test('writes beside a stream go one at a time; no answer is "again"',
    async () => {
        const r = rig({ prefer: 'sse', headers: () => ({ 'X-CSRF': 'x' }) });

        r.session.start();
        r.world.source.onopen?.(undefined as never);
        r.world.source.say(welcome());
        r.session.send({ t: 'post_message', n: '1', text: 'a' });
        r.session.send({ t: 'post_message', n: '2', text: 'b' });
        assert.equal(r.world.requests.length, 1);
        assert.equal(r.world.request.url,
            'https://shop.example/_chat/v1/send?instance=instance1');
        assert.deepEqual(r.world.request.init.headers,
            { 'Content-Type': 'application/json', 'X-CSRF': 'x' });

        r.world.request.answer(200, { t: 'ack', n: '1', id: '1-0',
            dialog: 'd' });
        await settle();
        assert.equal(r.world.requests.length, 2);
        r.world.request.fail();
        await settle();
        assert.deepEqual(r.frames.slice(1).map((f) =>
            [f.t, 'n' in f && f.n, f.t === 'error' && f.retry_ms]),
        [['ack', '1', false], ['error', '2', 2000]]);
    });
