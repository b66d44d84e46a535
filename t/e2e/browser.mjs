/*
 * Real browsers for the end-to-end tests.  The Perl side (t/lib/Chat/Browser.pm)
 * owns servers and faults; this side owns pages.  They speak in lines of JSON:
 *
 *     us -> {"ask":"reload"}            do something, then answer
 *     -> {"done":"reload"}
 *     us -> {"ok":true,"name":"..."}    a test's result
 */

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { deepStrictEqual } from 'node:assert';

const require = createRequire(import.meta.url);
const { chromium } = require('playwright-core');

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic',
    '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];

/** Where the servers are: {ip, port, shop, desk, login, password, ...}. */
export const place = JSON.parse(process.env.CHAT_PLACE ?? '{}');

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

function say(message) {
    process.stdout.write(JSON.stringify(message) + '\n');
}

export async function ask(what) {
    say({ ask: what });

    const { value, done } = await lines.next();

    if (done) {
        throw new Error('the harness is gone');
    }

    return JSON.parse(value);
}

export function ok(condition, name, why) {
    say({ ok: Boolean(condition), name, ...(condition ? {} : { why }) });
}

export function same(got, want, name) {
    try {
        deepStrictEqual(got, want);
        ok(true, name);
    } catch (e) {
        ok(false, name, e.message);
    }
}

/* stretches every deadline, as in t/lib/Chat/Loop.pm */
export const SLOW = Number(process.env.CHAT_SLOW) || 1;

/** Waits for a condition in this process, never blindly. */
export async function until(condition, what, ms = 20_000) {
    const end = Date.now() + ms * SLOW;

    for (;;) {
        const value = await condition();

        if (value) {
            return value;
        }

        if (Date.now() > end) {
            throw new Error('waited too long for ' + what);
        }

        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

let browser;

export async function launch() {
    browser = await chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        timeout: 30_000 * SLOW,
        args: [...ARGS, `--host-resolver-rules=MAP *.test ${place.ip}`],
    });

    return browser;
}

export const url = (host, path = '/') =>
    `http://${host}:${place.port}${path}`;

/*
 * What a browser says of faults that are wanted here, and of plain HTTP on a
 * host that is not called localhost.
 */
const EXPECTED = [/Failed to load resource/, /WebSocket connection/,
    /Cross-Origin-Opener-Policy header has been ignored/];

/** Console errors of a page that nobody expected, to be shown at the end. */
export const complaints = [];

export async function page(options = {}, expected = []) {
    // what moves is measured by axe where it happens to be
    const context = await browser.newContext({ locale: 'en-US',
        reducedMotion: 'reduce', viewport: { width: 1280, height: 800 }, ...options });
    const p = await context.newPage();

    p.setDefaultTimeout(20_000 * SLOW);
    p.on('pageerror', (e) => complaints.push(String(e)));
    p.on('console', (m) => {
        if (m.type() === 'error'
            && ![...EXPECTED, ...expected]
                .some((re) => re.test(m.text())))
        {
            complaints.push(m.text());
        }
    });

    return p;
}

/*
 * The network of a page goes or comes.  A machine with nothing but loopback
 * is offline from the start and tells no event of it: then we do.
 */
export async function network(p, on) {
    const online = () => p.evaluate(() => navigator.onLine);
    const before = await online();

    await p.context().setOffline(!on);

    if (await online() === before) {
        await p.evaluate((name) => dispatchEvent(new Event(name)),
            on ? 'online' : 'offline');
    }
}

export async function run(scenario) {
    try {
        await launch();
        await scenario();
        same(complaints, [], 'no errors in the consoles');
    } catch (e) {
        ok(false, 'the scenario runs to its end', String(e?.stack ?? e));
    } finally {
        await browser?.close();
        say({ end: true });
        process.exit(0);
    }
}
