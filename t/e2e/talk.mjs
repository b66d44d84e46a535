/*
 * A visitor and an operator talk while everything below them is reloaded,
 * restarted and killed.  Every message is there once, in order, at both.
 */

import { ask, ok, run, same, until } from './browser.mjs';
import { Desk, Widget, shows } from './desk.mjs';

/* what happens before the operator answers, and after he wrote */
const troubles = [
    ['nothing', async () => undefined],
    ['the operator reloads the page', async ({ desk }) => {
        await desk.page.reload();
        await desk.page.waitForSelector('.desk');
        await desk.open('mine');
    }],
    ['the visitor goes to another page', async ({ widget }) => {
        await widget.page.goto(widget.page.url().replace(/\/[^/]*$/,
            '/other.html'));
        await widget.page.waitForSelector('textarea');
    }],
    ['nginx reloads', () => ask('reload')],
    ['Redis restarts', () => ask('redis')],
    ['a worker is killed', () => ask('worker')],
    ['Redis is away while the operator writes', () => ask('down'),
        () => ask('up')],
];


await run(async () => {
    const desk = await Desk.open();

    await desk.signIn();

    const widget = await Widget.open();
    const said = [];

    await widget.write('Здравствуйте! Есть кто-нибудь? 👋');
    said.push('Здравствуйте! Есть кто-нибудь? 👋');
    await until(() => desk.page.locator('.row').count(), 'a dialog in the queue');
    await desk.open('queue');
    await desk.take();

    for (const [name, cause, repair] of troubles) {
        const mine = `Visitor, before: ${name}`;
        const theirs = `Operator, after: ${name}`;

        await widget.write(mine);

        // an answer is to what was read: that decides the order
        await shows(desk, mine);
        await cause({ desk, widget });

        await desk.write(theirs);
        await repair?.();
        await shows(widget, theirs);
        said.push(mine, theirs);
        ok(true, name);
    }

    await widget.idle();
    await desk.idle();

    // after Redis' restart both ask for the history anew
    for (const side of [widget, desk]) {
        await until(async () => (await side.texts()).length >= said.length,
            'everything on the screen', 20_000);
    }

    same(await widget.texts(), said, 'the visitor reads it all, once, in order');
    same(await desk.texts(), said, 'the operator reads it all, once, in order');

    const second = await widget.page.context().newPage();

    await second.goto(widget.page.url());
    widget.page = second;
    await widget.page.waitForSelector('.launch');

    if (await second.locator('textarea').count() === 0) {
        await widget.launch();
    }

    await widget.counts(said.length);
    same(await widget.texts(), said, 'a second tab reads the same');

    await desk.end();
    await desk.page.waitForSelector('.composer.closed');
    ok(true, 'the operator ends the dialog');
});
