/* What an operator meets in the cabinet, in a real browser. */

import { request } from 'node:http';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { SLOW, ask, network, ok, page, place, run, same, until, url }
    from './browser.mjs';
import { Desk } from './desk.mjs';

const axe = readFileSync(createRequire(import.meta.url)
    .resolve('axe-core/axe.min.js'), 'utf8');

const shots = process.env.CHAT_SHOTS;

/** Asked for with CHAT_SHOTS=folder: what the states look like. */
async function shot(p, name) {
    if (shots) {
        await p.screenshot({ path: `${shots}/${name}.png` });
    }
}


/** A visitor without a browser. */
class Guest {
    static async open(text) {
        const guest = new Guest();

        guest.n = 0;
        guest.token = (await guest.call('visitor')).token;
        await guest.say(text);

        return guest;
    }

    call(path, body) {
        return new Promise((resolve, reject) => {
            const sent = body ? JSON.stringify(body) : '';
            const r = request({
                host: place.ip, port: place.port, method: 'POST',
                path: `/_chat/v1/${path}`,
                headers: {
                    Host: 'shop.test', 'Content-Length': Buffer.byteLength(sent),
                    'Content-Type': 'application/json',
                    ...(this.token ? { Authorization: `Bearer ${this.token}` } : {}),
                },
            }, (answer) => {
                let text = '';

                answer.setEncoding('utf8').on('data', (part) => text += part)
                    .on('end', () => resolve(JSON.parse(text)));
            });

            r.on('error', reject).end(sent);
        });
    }

    async write(command) {
        const n = String(this.n + 1);
        const answer = await until(async () => {
            const a = await this.call('send?instance=guest-e2e',
                { ...command, n });

            return a.retry_ms ? undefined : a;
        }, 'a write of a guest');

        if (answer.t !== 'ack') {
            throw new Error(JSON.stringify(answer));
        }

        this.n++;
        this.dialog = answer.dialog;
    }

    say(text) {
        return this.write({ t: 'post_message', text });
    }
}


const row = (desk, text) => desk.page.locator('.row', { hasText: text });

/** Opens the dialog whose last words these are. */
async function pick(desk, text, tab = 'queue') {
    await desk.tab(tab);
    await row(desk, text).first().click();
    await desk.page.waitForSelector('.thread');
}

async function begin(desk, text) {
    const guest = await Guest.open(text);

    await pick(desk, text);
    await desk.take();

    return guest;
}

const shown = (desk, text) =>
    desk.page.getByText(text).first().waitFor();

const counts = (desk, tab, n) => until(async () =>
    (await desk.page.locator(`#tab-${tab}`).innerText())
        .replace(/\D/g, '') === (n ? String(n) : ''), `${n} in ${tab}`);


async function door() {
    const desk = await Desk.open();
    const says = (words) => until(async () =>
        words.test(await desk.page.locator('.login-error').innerText()),
    String(words));

    await desk.page.waitForSelector('#login');
    await desk.page.keyboard.type(place.login);
    await desk.page.keyboard.press('Tab');
    await desk.page.keyboard.type('wrong');
    await desk.page.keyboard.press('Enter');
    await says(/^Wrong login or password\.$/);
    ok(true, 'a wrong password is said to be one');
    await shot(desk.page, 'login-error');

    await desk.page.fill('#login', 'eve');

    await until(async () => {
        await desk.page.click('.login-card .primary:enabled');
        await desk.page.locator('.login-card .primary:enabled').waitFor();

        return /^Too many attempts\. Try again in \d+:\d\d/.test(
            await desk.page.locator('.login-error').innerText());
    }, 'the door to close', 60_000);
    ok(true, 'too many guesses: the page tells how long to wait');

    await desk.signIn();
    await shown(desk, 'Nobody is waiting');
    await shot(desk.page, 'queue-empty');
    ok(true, 'an empty queue says so');

    return desk;
}


/** Shown, and that one: another may still be there. */
async function banner(desk, text) {
    await desk.page.locator('.banner:not([hidden])', { hasText: text })
        .waitFor();
}


async function race(ann, bob) {
    await Guest.open('Race');
    await pick(ann, 'Race');
    await pick(bob, 'Race');

    // bob has not heard of it yet
    await network(bob.page, false);
    await banner(bob, 'You are offline');
    await ann.take();
    await bob.page.locator('.thread-head > .primary').click();
    await network(bob.page, true);
    await bob.page.waitForSelector('.refusal');
    ok(/Not accepted/.test(await bob.page.locator('.refusal').innerText()),
        'who comes second is told');
    await shot(bob.page, 'refused');
    await shown(bob, `${place.login} answers in this dialog.`);
    await bob.page.locator('.refusal button').last().click();

    await counts(ann, 'mine', 1);
    await counts(bob, 'others', 1);
    await counts(bob, 'queue', 0);
    ok(true, 'own and colleagues\' dialogs are in their lists');

    await ann.page.locator('.thread-head > button[title="Back to queue"]')
        .click();
    await counts(bob, 'queue', 1);
    await counts(ann, 'mine', 0);
    ok(true, 'a dialog given back is in everybody\'s queue');
}


async function stuck(ann) {
    // a service that is away, as far as this page can tell
    await ann.page.route('**/logout', (route) =>
        route.fulfill({ status: 200, body: '<html>' }));
    await ann.page.click('.me');
    await ann.page.getByRole('button', { name: 'Sign out' }).click();
    await ann.page.locator('.stuck').waitFor();
    ok(await ann.page.locator('.desk').isVisible(),
        'who cannot be signed out stays, and is told so');
    await shot(ann.page, 'stuck');
    await ann.page.keyboard.press('Escape');
    await ann.page.unroute('**/logout');
}


async function again(ann) {
    const guest = await begin(ann, 'Again');

    await ann.end();
    await shown(ann, 'This dialog has ended.');
    await guest.say('One more thing');
    await shown(ann, 'The visitor wrote again');
    await counts(ann, 'queue', 2);
    ok(true, 'a visitor who writes again is in the queue');
}


async function troubles(ann) {
    const guest = await begin(ann, 'Troubles');

    await ann.page.fill('.composer textarea', 'half an ans');
    await ann.page.reload();
    await pick(ann, 'Troubles', 'mine');
    same(await ann.page.inputValue('.composer textarea'), 'half an ans',
        'a draft outlives a reload');

    await ask('down');
    await banner(ann, 'Messages are delayed');
    await ann.write('while Redis is away');
    await ann.page.locator('.mark.pending').waitFor();
    await shot(ann.page, 'down');
    await ask('up');
    await ann.idle();
    await shown(ann, 'while Redis is away');
    same((await ann.texts()).filter((s) => s === 'while Redis is away').length,
        1, 'what was written meanwhile is marked, then sent once');

    await network(ann.page, false);
    await banner(ann, 'You are offline');
    await ann.write('too late');
    await guest.write({ t: 'close_dialog' });
    await network(ann.page, true);
    await ann.page.waitForSelector('.refusal');
    same(await ann.page.locator('.refusal q').innerText(), 'too late',
        'words that came too late can be had back');
    await ann.page.click('.refusal button');
}


/** A new history of the store has no closed dialogs: nor has the desk then. */
async function vanished(ann) {
    const guest = await begin(ann, 'Vanished');

    await network(ann.page, false);
    await banner(ann, 'You are offline');
    await ann.write('to nobody');
    await ask('down');
    await ask('up');
    await guest.write({ t: 'close_dialog' });
    await network(ann.page, true);
    await until(async () => await ann.page.locator('.thread').count() === 0,
        'a dialog that is in no list any more to be gone');
    await ann.page.waitForSelector('.refusal');
    same(await ann.page.locator('.refusal q').innerText(), 'to nobody',
        'words that were written into a dialog that is gone are not');
    await shot(ann.page, 'homeless');
    await ann.page.click('.refusal button');
    same(await ann.page.locator('.refusal').count(), 0,
        'until they are dismissed');
}


async function sleep(ann) {
    const guest = await begin(ann, 'Sleep');

    await network(ann.page, false);
    await banner(ann, 'You are offline');

    for (let i = 1; i <= 60; i++) {
        await guest.say(`missed ${i}`);
    }

    await network(ann.page, true);
    await until(async () => (await ann.texts()).length >= 61, 'what was missed');
    same(await ann.texts(), ['Sleep',
        ...Array.from({ length: 60 }, (_, i) => `missed ${i + 1}`)],
    'after a sleep all of it is there, once, in order');

    const hostile = '<img src=x onerror="document.title=\'X\'">&amp;\u202e';

    await guest.say(hostile);
    await until(async () => (await ann.texts()).includes(hostile), 'hostile');
    same(await ann.page.locator('.desk img, .desk script').count(), 0,
        'hostile text is text');
}


async function keyboard(ann) {
    await Guest.open('By keyboard');
    await ann.tab('queue');
    await row(ann, 'By keyboard').waitFor();

    const press = (key) => ann.page.keyboard.press(key);
    const at = () => ann.page.evaluate(() =>
        document.activeElement.className + document.activeElement.id);

    await ann.page.locator('#tab-queue').focus();
    await press('ArrowRight');
    same(await at(), 'tab-mine', 'arrows go through the tabs');
    await press('ArrowLeft');
    await press('Tab');
    ok(/row/.test(await at()), 'Tab goes on to the list');
    await press('End');
    ok(await row(ann, 'By keyboard').evaluate((e) =>
        e === document.activeElement), 'End: the last dialog');
    await press('ArrowUp');
    await press('ArrowDown');
    await press('Enter');
    await ann.page.waitForSelector('.thread');

    await until(async () => {
        await press('Tab');
        return /primary/.test(await at());
    }, 'the button that takes');
    await press('Enter');
    await ann.page.waitForSelector('.composer textarea');
    await until(async () => await ann.page.evaluate(() =>
        document.activeElement.tagName === 'TEXTAREA'), 'the focus');
    await ann.page.keyboard.type('answered by keyboard');
    await press('Enter');
    await shown(ann, 'answered by keyboard');
    await ann.idle();
    ok(true, 'a dialog is taken and answered without a mouse');
    await press('Escape');
    await ann.page.locator('.thread').waitFor({ state: 'detached' });
}


async function manners(ann) {
    await ann.page.click('.me');
    await ann.page.selectOption('#language', 'ru');
    await ann.page.selectOption('#theme', 'dark');
    await ann.page.reload();
    await ann.page.waitForSelector('.desk');
    await ann.page.getByText('Очередь').first().waitFor();
    same(await ann.page.evaluate(() => [document.documentElement.lang,
        document.documentElement.dataset.theme]), ['ru', 'dark'],
    'language and look are kept');
}


const STATES = {
    list: (p) => p.waitForSelector('.row'),
    thread: async (p) => {
        await p.locator('.row').first().click();
        await p.waitForSelector('.bubble');
    },
    card: async (p, roomy) => {
        if (!roomy) {
            await p.locator('.thread-title h2 > button').click();
        }

        await p.locator(roomy ? 'aside.card' : '.card-box[open]').waitFor();
        ok(await p.locator('.card-who').isVisible(),
            'who the visitor is can be seen');
    },
    menu: async (p, roomy) => {
        if (!roomy) {
            await p.keyboard.press('Escape');
            await p.locator('.card-box[open]').waitFor({ state: 'detached' });
            ok(await p.locator('.thread').isVisible(),
                'Escape leaves the card, not the dialog');
        }

        await p.keyboard.press('Escape');
        await p.click('.me');
    },
};


async function faces(ann) {
    for (const width of [1280, 1024, 390]) {
        await ann.page.setViewportSize({ width, height: 800 });

        for (const scheme of ['light', 'dark']) {
            await ann.page.evaluate((name) =>
                localStorage.setItem('chat.theme', name), scheme);
            await ann.page.reload();

            for (const [state, show] of Object.entries(STATES)) {
                await show(ann.page, width > 1180);
                await inspect(ann.page, `${state}-${width}-${scheme}`);
            }
        }
    }
}


async function inspect(p, name) {
    await p.evaluate(axe);

    const found = await p.evaluate(() => window.axe.run(document, { runOnly:
        ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));

    same(found.violations.map((v) => [v.id, v.nodes.length,
        v.nodes[0].html]), [], `axe: ${name}`);
    ok(await p.evaluate(() => document.documentElement.scrollWidth
        <= innerWidth), `fits: ${name}`);
    await shot(p, name);
}


async function crowd(ann) {
    for (let i = 0; i < 300; i += 20) {
        await Promise.all(Array.from({ length: 20 }, (_, k) =>
            Guest.open(`Crowd ${i + k}`)));
    }

    await ann.tab('queue');
    await until(async () => await ann.page.locator('.row').count() >= 300,
        'a long queue', 60_000);
    await row(ann, 'Crowd 299').click();

    // the median: others have the processor now and then
    const ms = await ann.page.evaluate(async () => {
        const took = [];

        for (const e of [...document.querySelectorAll('.row')].slice(0, 11)) {
            const before = performance.now();

            e.click();
            await new Promise(requestAnimationFrame);
            took.push(performance.now() - before);
        }

        return took.sort((a, b) => a - b)[5];
    });

    ok(ms < 250 * SLOW, 'three hundred dialogs: a click is seen at once',
        `${ms} ms`);
    await shot(ann.page, 'queue-long');
}


async function revoked(ann) {
    const other = await Desk.open();

    await other.signIn();
    await other.page.click('.me');
    await other.page.locator('.sessions button').first().click();
    await ann.page.waitForSelector('.login-card');
    same(await ann.page.locator('.login-error').innerText(),
        'Сеанс завершён. Войдите снова.', 'a session ended elsewhere says so');
}


await run(async () => {
    const ann = await door();
    const bob = await Desk.open();

    await bob.signIn('bob');
    await race(ann, bob);
    await stuck(ann);
    await bob.page.context().close();
    await again(ann);
    await troubles(ann);
    await vanished(ann);
    await sleep(ann);
    await keyboard(ann);
    await manners(ann);
    await faces(ann);
    await ann.page.setViewportSize({ width: 1280, height: 800 });
    await ann.page.keyboard.press('Escape');
    await ann.page.reload();
    await ann.page.waitForSelector('.row');
    await crowd(ann);
    await revoked(ann);
});
