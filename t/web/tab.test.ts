import test from 'node:test';
import assert from 'node:assert/strict';
import type { LocksLike } from '../../client/src/host.ts';
import type { Saved } from '../../client/src/outbox.ts';
import { claimInstance, saveInstance } from '../../client/src/tab.ts';
import { World, memory, settle } from './fake.ts';

/** navigator.locks of a browser with several tabs. */
function locks(): LocksLike {
    const held = new Set<string>();
    const queue: { name: string; go: () => void }[] = [];

    return {
        request: (name, { ifAvailable, signal }, got) =>
            new Promise((resolve, reject) => {
                const go = (): void => {
                    held.add(name);
                    void Promise.resolve(got({ name })).then(() => {
                        held.delete(name);
                        resolve(undefined);

                        const i = queue.findIndex((w) => w.name === name);

                        queue.splice(i, i < 0 ? 0 : 1)[0]?.go();
                    });
                };

                if (!held.has(name)) {
                    go();
                } else if (ifAvailable) {
                    void got(null);
                    resolve(undefined);
                } else {
                    const waiter = { name, go };

                    queue.push(waiter);
                    (signal as AbortSignal).addEventListener('abort', () => {
                        queue.splice(queue.indexOf(waiter), 1);
                        reject(new Error('aborted'));
                    });
                }
            }),
    };
}


function box(instance: string, texts: string[], at_ms = 0): Saved {
    return { instance, acked: 3, tail: [], queue: texts.map((text) => ({
        key: text, at_ms, write: { t: 'post_message', text } })) };
}


for (const kind of ['locks', 'marks']) {
    const rig = () => {
        const world = new World();

        if (kind === 'locks') {
            world.host.locks = locks();
        }

        return { world, shared: memory(),
            claim: async (tab: ReturnType<typeof memory>,
                shared: ReturnType<typeof memory>) => {
                const claim = claimInstance(world.host, tab, shared);

                await world.run(1000);
                return claim;
            } };
    };

    test(kind + ': the same tab on the next page is the same instance',
        async () => {
            const { claim, shared } = rig();
            const tab = memory();
            const first = await claim(tab, shared);

            saveInstance(tab, shared,
                { ...first.saved, acked: 2 });
            first.release();
            await settle();

            const second = await claim(tab, shared);

            assert.equal(second.saved.instance, first.saved.instance);
            assert.equal(second.saved.acked, 2);
        });

    test(kind + ': a duplicated tab is another instance, with nothing to send',
        async () => {
            const { claim, shared } = rig();
            const tab = memory();
            const first = await claim(tab, shared);

            saveInstance(tab, shared, box(first.saved.instance, ['mine']));

            const copy = memory();

            tab.map.forEach((value, key) => copy.set(key, value));

            const second = await claim(copy, shared);

            assert.notEqual(second.saved.instance, first.saved.instance);
            assert.deepEqual(second.saved.queue, []);
            assert.equal(tab.get('instance'), first.saved.instance);
        });
}


test('what a closed tab had not sent is taken over, once', async () => {
    const world = new World();
    const shared = memory();

    world.host.locks = locks();
    shared.set('out:dead', JSON.stringify(box('dead', ['unsent'])));
    shared.set('out:done', JSON.stringify(box('done', [], 0)));

    const first = await claimInstance(world.host, memory(), shared);
    const second = await claimInstance(world.host, memory(), shared);

    assert.equal(first.saved.instance, 'dead');
    assert.equal(first.saved.queue.length, 1);
    assert.notEqual(second.saved.instance, 'dead');
});


test('a page that lets go late is waited for', async () => {
    const world = new World();
    const tab = memory();
    const shared = memory();

    world.host.locks = locks();

    const first = await claimInstance(world.host, tab, shared);

    world.host.setTimeout(first.release, 300);

    const second = claimInstance(world.host, tab, shared);

    await world.run(400);
    assert.equal((await second).saved.instance, first.saved.instance);
});


test('boxes long empty are swept; rubbish is nobody\'s', async () => {
    const world = new World();
    const shared = memory();

    world.host.locks = locks();
    world.now = 200_000_000;
    shared.set('out:old', JSON.stringify(box('old', [])));
    shared.set('out:bad', '{"instance":"bad"}');
    shared.set('out:worse', '{');
    shared.set('draft', 'hello');
    await claimInstance(world.host, memory(), shared);
    assert.deepEqual(shared.keys().sort(), ['draft', 'out:bad', 'out:worse']);
});


test('an outbox that took a new name stays in its place', async () => {
    const world = new World();
    const tab = memory();
    const shared = memory();

    world.host.locks = locks();

    const first = await claimInstance(world.host, tab, shared);

    saveInstance(tab, shared, box('another', ['a']));
    assert.equal(shared.keys().length, 1);

    // nobody else may be it meanwhile
    const copy = memory();

    tab.map.forEach((value, key) => copy.set(key, value));

    const second = claimInstance(world.host, copy, shared);

    await world.run(1000);
    assert.notEqual((await second).saved.instance, 'another');

    first.release();
    await settle();
    assert.equal((await claimInstance(world.host, tab, shared))
        .saved.instance, 'another');
});
