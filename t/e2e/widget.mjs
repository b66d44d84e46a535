/* What a visitor's browser must bear, one promise after the other. */

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { ask, network, ok, page, run, same, url } from './browser.mjs';
import { Desk, Widget, shows } from './desk.mjs';

const axe = readFileSync(createRequire(import.meta.url)
    .resolve('axe-core/axe.min.js'), 'utf8');

/** A visitor of his own, so that no story is in another's way. */
async function visitor(path = '/', options, before) {
    const widget = new Widget();

    widget.page = await page(options);
    await widget.page.addInitScript(before ?? (() => undefined));
    await widget.page.goto(url('shop.test', path));
    await widget.page.waitForSelector('.launch');

    return widget;
}

async function close(widget) {
    await widget.page.context().close();
}


async function beforeTheClick() {
    const p = await page();
    const asked = [];

    p.on('request', (r) => asked.push(new URL(r.url()).pathname));
    await p.addInitScript(() => {
        window.shifts = 0;
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) {
                window.shifts += entry.value;
            }
        }).observe({ type: 'layout-shift', buffered: true });
    });
    await p.goto(url('shop.test'));
    await p.waitForSelector('.launch');
    await p.waitForLoadState('networkidle');

    same(asked.filter((path) => path.startsWith('/_chat')),
        ['/_chat/widget.js'], 'before a click: one request');
    same(await p.evaluate(() => [localStorage.length, sessionStorage.length,
        document.cookie]), [0, 0, ''], 'before a click: nothing is stored');
    same(await p.context().cookies(), [], 'before a click: no cookie');
    same(await p.evaluate(() => Object.keys(window).filter((key) =>
        /chat/i.test(key))), ['chatWidget'], 'one global');

    await p.click('.launch');
    await p.waitForSelector('textarea');
    same(await p.evaluate(() => window.shifts), 0, 'no layout shift');
    ok(await p.evaluate(() => document.activeElement.shadowRoot
        .activeElement.tagName === 'TEXTAREA'), 'opened: one can write');
    await p.keyboard.press('Escape');
    ok(await p.evaluate(() => document.activeElement.shadowRoot
        .activeElement.className === 'launch'), 'Esc closes, focus returns');
    await p.context().close();
}


async function strict() {
    const w = await visitor('/strict.html', {}, () => {
        window.violations = [];
        document.addEventListener('securitypolicyviolation', (e) =>
            window.violations.push(e.violatedDirective));
    });

    await w.launch();
    await w.write('under a strict policy');
    await w.idle();
    same(await w.texts(), ['under a strict policy'], 'strict CSP: works');
    same(await w.page.evaluate(() => window.violations), [],
        'strict CSP: no violation');
    ok(await w.page.locator('.panel').evaluate((e) =>
        getComputedStyle(e).position === 'fixed'), 'strict CSP: has style');
    await close(w);
}


async function transports(desk) {
    const blocks = {
        sse: () => {
            delete window.WebSocket;
        },
        poll: () => {
            delete window.WebSocket;
            delete window.EventSource;
        },
    };

    for (const [name, block] of Object.entries(blocks)) {
        const w = await visitor('/', {}, block);
        const text = `by ${name} ` + Math.random();

        await w.launch();
        await w.write(text);
        await w.idle();
        await desk.page.locator('.row', { hasText: text }).click();
        await desk.take();
        await desk.write('answer ' + text);
        await shows(w, 'answer ' + text);
        await w.write('again ' + text);
        await shows(desk, 'again ' + text);
        same(await w.texts(), [text, 'answer ' + text, 'again ' + text],
            `${name}: a conversation`);
        await close(w);
        await desk.tab('queue');
    }
}


async function tabs() {
    const w = await visitor();

    await w.launch();
    await w.write('one');
    await w.idle();

    // window.open() copies sessionStorage, as "duplicate tab" does
    const [copy] = await Promise.all([
        w.page.context().waitForEvent('page'),
        w.page.evaluate(() => void window.open(location.href)),
    ]);
    const second = new Widget();

    second.page = copy;
    await copy.waitForSelector('textarea');
    await shows(second, 'one');

    const said = [];

    for (let i = 0; i < 5; i++) {
        said.push('left ' + i, 'right ' + i);
        await w.write('left ' + i);
        await second.write('right ' + i);
    }

    await w.idle();
    await second.idle();

    for (const side of [w, second]) {
        await side.counts(11);
        same((await side.texts()).slice(1).sort(), [...said].sort(),
            'two tabs write at once: all is there, once');
    }

    same(await w.texts(), await second.texts(), 'two tabs: the same order');
    same(await copy.locator('.theirs').count(), 0,
        'what I wrote in another tab is mine');
    await close(w);
}


async function pages() {
    const w = await visitor();

    await w.launch();
    await w.write('first');
    await w.idle();
    await w.page.fill('textarea', 'half a thou');
    await w.page.goto(url('shop.test', '/other.html'));
    await w.page.waitForSelector('textarea');
    same(await w.page.inputValue('textarea'), 'half a thou',
        'another page: open, with the draft');
    await shows(w, 'first');

    await w.page.goBack();
    await w.page.waitForSelector('textarea');
    await w.write('second');
    await w.idle();
    await w.counts(2);
    same(await w.texts(), ['first', 'second'], 'back: goes on');

    await ask('down');
    await w.write('while the store is away');
    await w.page.locator('.msg.waits').waitFor();
    await w.page.locator('.banner').filter({ visible: true }).waitFor();
    ok(true, 'the store is away: the visitor is told');

    await w.page.goto(url('shop.test', '/other.html'));
    await w.page.waitForSelector('textarea');
    await ask('up');
    await shows(w, 'while the store is away');
    await w.idle();
    await w.counts(3);
    same(await w.texts(), ['first', 'second', 'while the store is away'],
        'written while the store was away, sent by the next page, once');
    await close(w);
}


async function offline(desk) {
    const w = await visitor();

    await w.launch();
    await w.write('before the tunnel');
    await w.idle();
    await desk.tab('queue');
    await desk.page.locator('.row', { hasText: 'before the tunnel' }).click();
    await desk.take();

    await network(w.page, false);
    await w.write('in the tunnel');
    await w.page.locator('.banner').filter({ visible: true }).waitFor();
    await desk.write('answer meanwhile');
    await desk.idle();
    await network(w.page, true);
    await shows(w, 'answer meanwhile');
    await w.idle();
    await shows(desk, 'in the tunnel');
    same(await w.texts(), ['before the tunnel', 'answer meanwhile',
        'in the tunnel'], 'offline and back: nothing lost, nothing twice');

    // closed: the button tells of news
    await w.page.keyboard.press('Escape');
    await desk.write('are you there?');
    await w.page.locator('.badge').filter({ visible: true }).waitFor();
    same(await w.page.locator('.badge').innerText(), '1', 'unread: a badge');
    await w.page.goto(url('shop.test', '/other.html'));
    await w.page.locator('.badge').filter({ visible: true }).waitFor();
    ok(true, 'unread: on the next page too');
    await w.launch();
    await w.page.locator('.badge').waitFor({ state: 'hidden' });
    ok(true, 'opened: read');

    await w.page.locator('.head .tool').first().click();
    await w.page.locator('.entry').click();
    await w.page.locator('.action.main').click();
    await w.page.locator('.note', { hasText: 'You ended' }).waitFor();
    await w.write('one thing more');
    await w.idle();
    await w.page.locator('.note', { hasText: 'goes on' }).waitFor();
    ok(true, 'ended, and written again: reopened');
    await close(w);
}


async function hostile(desk) {
    const w = await visitor();
    const text = '<img src=x onerror="window.hacked=1"> javascript:alert(1) '
        + 'https://shop.test/?a=<b>&c="d"';

    await w.launch();
    await w.write(text);
    await w.idle();
    await shows(w, text);
    same(await w.page.locator('.log img').count(), 0, 'HTML stays text');
    same(await w.page.locator('.log a').evaluateAll((all) =>
        all.map((a) => [a.protocol, a.rel, a.target])),
    [['https:', 'noopener noreferrer nofollow ugc', '_blank']],
    'links: https only, and harmless');
    await desk.tab('queue');
    await desk.page.locator('.row', { hasText: 'onerror' }).click();
    await shows(desk, text);
    same(await desk.page.evaluate(() => window.hacked), undefined,
        'HTML stays text in the cabinet');
    await close(w);
}


async function accessible() {
    const looks = {
        'light': ['/', { colorScheme: 'light' }],
        'dark, Russian': ['/russian.html', { colorScheme: 'dark' }],
        'phone': ['/', { viewport: { width: 390, height: 844 },
            hasTouch: true, isMobile: true }],
        '320 px wide': ['/', { viewport: { width: 320, height: 256 } }],
    };

    for (const [name, [path, options]] of Object.entries(looks)) {
        const w = await visitor(path, options);

        await w.launch();
        await w.write('https://shop.test/ ' + 'long'.repeat(40));
        await w.idle();
        await w.page.locator('.field .tool').click();
        await w.page.evaluate(axe);

        const { violations } = await w.page.evaluate(() =>
            window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa',
                'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));

        same(violations.map((v) => [v.id, v.nodes.map((n) => n.html)]), [],
            `axe: ${name}`);
        await w.page.keyboard.press('Escape');
        await w.page.locator('.emoji').waitFor({ state: 'detached' });
        ok(true, 'Esc closes what is on top');

        const fits = await w.page.locator('.panel').evaluate((panel) => {
            const box = panel.getBoundingClientRect();
            const scroll = panel.querySelector('.scroll');

            return box.left >= 0 && box.right <= innerWidth
                && box.bottom <= innerHeight + 1
                && scroll.scrollWidth <= scroll.clientWidth
                && panel.querySelector('textarea').getBoundingClientRect()
                    .bottom <= innerHeight;
        });

        ok(fits, `fits: ${name}`);
        await close(w);
    }
}


await run(async () => {
    const desk = await Desk.open();

    await desk.signIn();
    await beforeTheClick();
    await strict();
    await transports(desk);
    await tabs();
    await pages();
    await offline(desk);
    await hostile(desk);
    await accessible();
});
