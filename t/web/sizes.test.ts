import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/* What a visitor's browser has to fetch, compressed, in bytes. */
const LOADER_MAX = 2_800;
const WHOLE_MAX = 20_480;

const dist = ROOT + '/widget/dist/';

function size(name: string): number {
    return gzipSync(readFileSync(dist + name), { level: 9 }).length;
}


test('sizes: what each page fetches, and what an opened chat does', (t) => {
    const loader = size('widget.js');

    t.diagnostic(`size loader ${loader} of ${LOADER_MAX}`);
    assert(loader <= LOADER_MAX, `loader ${loader}`);

    for (const lang of ['en', 'ru']) {
        const whole = loader + size(`panel-${lang}.js`);

        t.diagnostic(`size whole ${lang} ${whole} of ${WHOLE_MAX}`);
        assert(whole <= WHOLE_MAX, `${lang} ${whole}`);
    }
});


test('the loader names panels that are there, byte for byte the others', () => {
    const names = readFileSync(dist + 'widget.js', 'utf8')
        .match(/panel-[a-z]{2}-[0-9a-f]{10}\.js/g) ?? [];

    assert.equal(names.length, 2);

    for (const name of names) {
        assert(readdirSync(dist).includes(name), name);
        assert.deepEqual(readFileSync(dist + name),
            readFileSync(dist + name.replace(/-[0-9a-f]{10}/, '')));
    }
});


test('bundles call nobody and run no texts as code', () => {
    for (const name of readdirSync(dist)) {
        const text = readFileSync(dist + name, 'utf8');
        const hosts = (text.match(/https?:\/\/[a-z0-9.-]+/g) ?? [])
            .filter((url) => url !== 'http://www.w3.org');

        assert.deepEqual(hosts, [], name);
        assert(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write/
            .test(text), name);
        assert(!/\beval\(|new Function\b/.test(text), name);
    }
});
