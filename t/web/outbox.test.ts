import test from 'node:test';
import assert from 'node:assert/strict';
import { ERRORS } from '../../client/gen/schema.ts';
import { FINAL, NOT_ITS_FAULT, Outbox } from '../../client/src/outbox.ts';
import type { OutboxOptions, Pending, Result, Saved }
    from '../../client/src/outbox.ts';
import type { ErrorFrame, EventView, ServerFrame, WriteCommand }
    from '../../client/src/types.ts';
import { World, dice, settle, welcome } from './fake.ts';

const D = '018bcfe568000001';

function text(command: WriteCommand): string {
    return command.t === 'post_message' ? command.text : command.t;
}

/** An outbox with everything it does written down. */
function rig(saved?: Saved) {
    const world = new World();
    const sent: string[] = [];
    const results: Record<string, Result> = {};
    const state = { online: true, restarts: 0, unauthorized: 0,
        saved: saved as Saved | undefined, pending: [] as Pending[] };

    const options: OutboxOptions = {
        host: world.host, saved,
        save: (s) => {
            state.saved = JSON.parse(JSON.stringify(s)) as Saved;
        },
        send: (command) => {
            if (state.online) {
                sent.push(command.n + ' ' + text(command));
            }
            return state.online;
        },
        restart: () => void state.restarts++,
        unauthorized: () => void state.unauthorized++,
        changed: (pending) => {
            state.pending = pending;
        },
        settled: (entry, result) => {
            results[entry.write.t === 'post_message' ? entry.write.text
                : entry.write.t] = result;
        },
    };
    const box = new Outbox(options);
    const post = (words: string) =>
        box.put({ t: 'post_message', text: words });
    const ack = (n: number, seq = n) => box.ack({ t: 'ack', n: String(n),
        id: `${1000 + seq}-0`, dialog: D, seq: String(seq) });
    const refuse = (n: number, code: string, more: Partial<ErrorFrame> = {}) =>
        box.error({ t: 'error', code, text: code, n: String(n), ...more } as
            ErrorFrame);
    const take = (): string[] => sent.splice(0);

    return { world, box, state, results, post, ack, refuse, take };
}


test('one at a time, in order; nothing before the welcome', () => {
    const r = rig();

    r.post('a');
    r.post('b');
    assert.deepEqual(r.take(), []);

    r.box.welcome(welcome());
    assert.deepEqual(r.take(), ['1 a']);

    r.ack(1);
    assert.deepEqual(r.take(), ['2 b']);
    assert.equal(r.results.a?.ok, true);
    assert.deepEqual(r.state.pending.map((p) => p.sender),
        [r.box.instance + ':1', r.box.instance + ':2']);
    assert.equal(r.state.pending[0]?.ack?.seq, '1');
});


test('welcome says how far we came: the rest goes again', () => {
    const r = rig();

    for (const words of ['a', 'b', 'c']) {
        r.post(words);
    }

    r.box.welcome(welcome());
    r.box.down();
    r.box.welcome(welcome({ n: '1' }));
    assert.deepEqual(r.take(), ['1 a', '2 b']);
    assert.equal(r.results.a?.ok, true);

    r.box.down();
    r.box.welcome(welcome({ n: '1' }));
    assert.deepEqual(r.take(), ['2 b']);
});


test('temporary: the same number again, after retry_ms', async () => {
    const r = rig();

    r.post('a');
    r.box.welcome(welcome());
    r.refuse(1, 'store_down', { retry_ms: 3000 });
    await r.world.run(2900);
    r.post('b');
    assert.deepEqual(r.take(), ['1 a']);

    await r.world.run(1000);
    assert.deepEqual(r.take(), ['1 a']);

    r.ack(1);
    assert.equal(r.results.a?.ok, true);
});


test('final: dropped, told, and its number is for the next', () => {
    const r = rig();

    r.post('a');
    r.post('b');
    r.box.welcome(welcome());
    r.refuse(1, 'bad_field');
    assert.deepEqual(r.take(), ['1 a', '1 b']);
    assert.deepEqual(r.results.a,
        { ok: false, code: 'bad_field', text: 'bad_field' });

    r.ack(1);
    assert.equal(r.results.b?.ok, true);
});


test('refusals of the connection keep the message', () => {
    const r = rig();

    r.post('a');
    r.box.welcome(welcome());
    r.refuse(1, 'unauthorized');
    assert.equal(r.state.unauthorized, 1);
    assert.equal(r.results.a, undefined);

    r.box.down();
    r.box.welcome(welcome());
    assert.deepEqual(r.take(), ['1 a', '1 a']);
});


test('gap: resent from where the server wants it', () => {
    const r = rig();

    r.box.welcome(welcome());

    for (const words of ['a', 'b', 'c', 'd']) {
        r.post(words);
    }

    r.ack(1);
    r.ack(2);
    r.ack(3);
    r.take();
    r.refuse(4, 'gap', { expected: '2' });
    assert.deepEqual(r.take(), ['2 b']);

    r.ack(2);
    r.ack(3);
    assert.deepEqual(r.take(), ['3 c', '4 d']);
});


test('a server that has more of us than we knew: those are accepted', () => {
    const r = rig();

    r.box.welcome(welcome());
    r.post('a');
    r.post('b');
    r.take();
    r.refuse(1, 'gap', { expected: '2' });
    assert.deepEqual(r.take(), ['2 b']);
    assert.equal(r.results.a?.ok, true);
});


test('the store lost its end: healed from the tail', () => {
    const r = rig();

    r.box.welcome(welcome());

    for (let i = 1; i <= 40; i++) {
        r.post('m' + i);
        r.ack(i);
    }

    r.take();
    r.post('new');
    r.box.down();
    r.box.welcome(welcome({ reset: true, n: '38' }));
    r.ack(39);
    r.ack(40);
    assert.deepEqual(r.take(), ['41 new', '39 m39', '40 m40', '41 new']);
});


test('lost further back than the tail: all of it goes under a new name', () => {
    const r = rig();

    r.box.welcome(welcome());

    for (let i = 1; i <= 40; i++) {
        r.post('m' + i);
        r.ack(i);
    }

    const name = r.box.instance;

    r.take();
    r.box.down();
    r.box.welcome(welcome({ reset: true, n: '3' }));
    assert.equal(r.state.restarts, 1);
    assert.notEqual(r.box.instance, name);

    r.box.welcome(welcome());
    assert.deepEqual(r.take(), ['1 m9']);
});


test('forgotten, but all is in the dialog: only the new goes, renamed', () => {
    const r = rig();
    const view = { id: D, seq: '9' } as never;

    r.box.welcome(welcome());
    r.post('a');
    r.ack(1, 8);
    r.post('b');
    r.take();
    r.refuse(2, 'gap', { expected: '1' });
    assert.equal(r.state.restarts, 1);

    r.box.down();
    r.box.welcome(welcome({ dialog: view }));
    assert.equal(r.state.restarts, 2);

    r.box.welcome(welcome({ dialog: view }));
    assert.deepEqual(r.take(), ['1 b']);
});


test('forgotten, and told by the ring, which shows no dialog: the same', () => {
    const r = rig();

    r.box.welcome(welcome());
    r.post('a');
    r.ack(1, 8);
    r.post('b');
    r.take();
    r.refuse(2, 'gap', { expected: '1' });
    r.box.down();
    r.box.welcome(welcome());
    r.box.welcome(welcome());
    assert.deepEqual(r.take(), ['1 b']);
});


test('forgotten since the log was lost: what is not there goes again', () => {
    for (const dialog of [undefined, { id: D, seq: '8' } as never]) {
        const r = rig();

        r.box.welcome(welcome());
        r.post('a');
        r.ack(1, 8);
        r.post('b');
        r.ack(2, 9);
        r.take();
        r.box.down();
        r.box.welcome(welcome({ reset: true,
            ...(dialog ? { dialog } : {}) }));
        r.box.welcome(welcome({ ...(dialog ? { dialog } : {}) }));
        assert.deepEqual(r.take(), [dialog ? '1 b' : '1 a']);
    }
});


test('a page later: what was pending goes on under the same numbers', () => {
    const first = rig();

    first.box.welcome(welcome());
    first.post('a');
    first.ack(1);
    first.post('b');
    first.post('c');

    const second = rig(first.state.saved);

    assert.equal(second.box.instance, first.box.instance);
    second.box.welcome(welcome({ n: '2' }));
    assert.deepEqual(second.take(), ['3 c']);
});


test('what is too late is not sent; what is under way is not recalled',
    async () => {
        const r = rig();
        const a = r.post('a');
        const b = r.post('b');

        r.box.put({ t: 'take_dialog', dialog: D }, 5000);
        r.box.welcome(welcome());
        assert.equal(r.box.cancel(a.key), false);
        assert.equal(r.box.cancel(b.key), true);
        assert.equal(r.box.cancel(b.key), false);

        r.box.down();
        await r.world.run(6000);
        r.box.welcome(welcome({ n: '1' }));
        assert.deepEqual(r.take(), ['1 a']);
        assert.deepEqual(r.results.take_dialog,
            { ok: false, code: 'expired', text: 'Too late to send.' });
    });


test('no answer at all: asked again; late and foreign answers are ignored',
    async () => {
        const r = rig();

        r.box.welcome(welcome());
        r.post('a');
        await r.world.run(15_000);
        assert.deepEqual(r.take(), ['1 a', '1 a']);

        r.ack(7);
        r.refuse(9, 'bad_field');
        assert.equal(r.results.a, undefined);

        r.ack(1);
        r.ack(1);
        assert.deepEqual(r.state.pending.map((p) => p.sender),
            [r.box.instance + ':1']);
    });


test('a poll that resumes without a welcome: numbers heal by themselves',
    () => {
        const r = rig();

        r.post('a');
        r.box.up();
        r.box.up();
        assert.deepEqual(r.take(), ['1 a']);
    });


test('every final error of the schema is known to end or to hold a write',
    () => {
        const never = ['bad_cursor', 'bad_credentials'];
        const known = [...FINAL, ...NOT_ITS_FAULT, ...never].sort();
        const final = Object.entries(ERRORS)
            .filter(([, info]) => info.class === 'final')
            .map(([code]) => code).sort();

        assert.deepEqual(known, final);
    });


/*
 * The server of the protocol's page as a model, with every fault: lost
 * commands, lost answers, refusals, restarts of the page, forgotten
 * instances, a store that lost its end.
 */
class Model {
    log: { sender: string; words: string }[] = [];
    numbers = new Map<string, number>();
    stored: { n: Map<string, number>; log: number } =
        { n: new Map(), log: 0 };
    reset = false;

    constructor(private readonly chance: () => number) {}

    write(instance: string, command: WriteCommand): ServerFrame {
        const n = Number(command.n);
        const last = this.numbers.get(instance) ?? 0;
        const base = { id: '1-0', dialog: D, n: command.n };

        if (n <= last) {
            return { t: 'ack', ...base, already: true };
        }

        if (n > last + 1) {
            return { t: 'error', code: 'gap', text: '', n: command.n,
                expected: String(last + 1) };
        }

        if (this.chance() < 0.1) {
            return { t: 'error', code: 'busy', text: '', n: command.n,
                retry_ms: 500 };
        }

        if (text(command).startsWith('bad')) {
            return { t: 'error', code: 'bad_field', text: '', n: command.n };
        }

        this.numbers.set(instance, n);
        this.log.push({ sender: `${instance}:${n}`, words: text(command) });

        return { t: 'ack', ...base, seq: String(this.log.length) };
    }

    event(i: number): EventView {
        return { e: 'message_posted', id: `${i + 1}-0`, dialog: D,
            seq: String(i + 1), sender: this.log[i]!.sender } as EventView;
    }

    welcome(instance: string): ServerFrame {
        const reset = this.reset;

        this.reset = false;

        return welcome({
            reset, n: String(this.numbers.get(instance) ?? 0),
            ...(this.log.length > 0
                ? { dialog: { id: D, seq: String(this.log.length) } as never }
                : {}),
        });
    }

    fsync(): void {
        this.stored = { n: new Map(this.numbers), log: this.log.length };
    }

    /** Killed: what was not yet on the disk is gone. */
    lose(): void {
        this.log.length = this.stored.log;
        this.numbers = new Map(this.stored.n);
        this.reset = true;
    }
}


async function story(seed: number): Promise<void> {
    const chance = dice(seed);
    const world = new World(chance);
    const server = new Model(chance);
    const wanted: string[] = [];
    const refused: string[] = [];
    let bad = 0;
    let saved: Saved | undefined;
    let box: Outbox | undefined;
    let generation = 0;
    let chaos = true;

    const later = (fn: () => void): void => {
        const mine = generation;

        world.host.setTimeout(() => {
            if (mine === generation) {
                fn();
            }
        }, 1 + chance() * 200);
    };

    const connect = (): void => {
        generation++;
        box?.down();
        later(() => {
            const frame = server.welcome(box!.instance);

            const events = server.log.map((_, i) => server.event(i));

            later(() => {
                if (frame.t === 'welcome') {
                    events.forEach((event) => box!.seen(event));
                    box!.welcome(frame);
                }
            });
        });
    };

    const page = (): void => {
        generation++;
        box?.down();
        box = new Outbox({
            host: world.host,
            saved: saved && JSON.parse(JSON.stringify(saved)) as Saved,
            save: (s) => {
                saved = JSON.parse(JSON.stringify(s)) as Saved;
            },
            send: (command) => {
                const { instance } = box!;
                const kept = { ...command };

                if (chaos && chance() < 0.05) {
                    return true;    // lost on the way there
                }

                later(() => {
                    const answer = server.write(instance, kept);

                    if (chaos && chance() < 0.05) {
                        connect();  // lost on the way back, with the link
                        return;
                    }

                    const event = answer.t === 'ack' && !answer.already
                        ? server.event(server.log.length - 1) : undefined;

                    later(() => {
                        if (event && chance() < 0.5) {
                            box!.seen(event);
                        }

                        if (answer.t === 'ack') {
                            box!.ack(answer);
                        } else if (answer.t === 'error') {
                            box!.error(answer);
                        }
                    });
                });

                return true;
            },
            restart: connect,
            unauthorized: () => assert.fail(),
            changed: () => undefined,
            settled: (entry, result) => {
                if (!result.ok) {
                    refused.push(entry.write.t === 'post_message'
                        ? entry.write.text : '');
                }
            },
        });
        connect();
    };

    page();

    for (let i = 0; i < 120; i++) {
        const turn = chance();

        if (turn < 0.55) {
            const words = chance() < 0.08 ? 'bad' + i : 'm' + i;

            if (words.startsWith('bad')) {
                bad++;
            } else {
                wanted.push(words);
            }

            box!.put({ t: 'post_message', text: words });

        } else if (turn < 0.62) {
            connect();

        } else if (turn < 0.67) {
            page();

        } else if (turn < 0.70) {
            // sixteen other tabs: only ever when this one is idle, since
            // what becomes of a write under way nobody could tell then
            if (saved?.queue.length === 0) {
                server.numbers.clear();
                server.fsync();
            }

        } else if (turn < 0.85) {
            server.fsync();

        } else if (turn < 0.87) {
            server.lose();
            connect();
        }

        await world.run(chance() * 300);
    }

    chaos = false;
    await world.run(200_000);

    assert.deepEqual(server.log.map((m) => m.words), wanted, `seed ${seed}`);
    assert.equal(new Set(refused).size, bad, `seed ${seed}`);
    assert.equal(saved?.queue.length ?? 0, 0);
}


test('model: every message once and in order, whatever happens', async (t) => {
    const stories = 60;

    for (let seed = 1; seed <= stories; seed++) {
        await story(seed);
        await settle();
    }

    t.diagnostic(`${stories} stories`);
});


test('told to wait until it is too late: a welcome is asked for', async () => {
    const r = rig();

    r.box.welcome(welcome());
    r.box.put({ t: 'take_dialog', dialog: D }, 60_000);
    assert.equal(r.take().length, 1);

    for (let i = 0; i < 5; i++) {
        r.refuse(1, 'store_down', { retry_ms: 5_000 });
        await r.world.run(6_500);
    }

    assert.equal(r.take().length, 5);
    assert.equal(r.state.restarts, 0);
    r.refuse(1, 'store_down', { retry_ms: 50_000 });
    await r.world.run(65_000);
    assert.equal(r.take().length, 0, 'not carried out now');
    assert.equal(r.state.restarts, 1);

    r.box.down();
    r.box.welcome(welcome());
    assert.deepEqual(r.take(), []);
    assert.deepEqual(r.results['take_dialog'],
        { ok: false, code: 'expired', text: 'Too late to send.' });
});
