/*
 * A small server that speaks just enough of the protocol for looking at the
 * widget without nginx: SSE + POST, one visitor, everything in memory.
 */

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const D = '018bcfe568000001';
const TYPES = { js: 'text/javascript', html: 'text/html' };
const ANNA = { kind: 'operator', id: '5', name: 'Анна Петрова' };


export function pageHtml({ lang, attributes = '', text }) {
    return `<!doctype html><html lang="${lang}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Shop</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<body><header>Nordwind</header><main><h1>${text[0]}</h1><p>${text[1]}</p>
<div class="grid"><i></i><i></i><i></i><i></i><i></i><i></i></div></main>
<script async src="/_chat/widget.js" ${attributes}></script></body></html>`;
}

const PAGE_CSS = `body{margin:0;font:16px/1.5 Georgia,serif;background:#faf8f5;
color:#222}@media(prefers-color-scheme:dark){body{background:#101114;color:#ddd}
i{background:#1d1f24!important}}header{padding:18px 5vw;font-size:22px;
border-bottom:1px solid #8883}main{padding:3vw 5vw;max-width:900px}
.grid{display:grid;grid-template-columns:repeat(3,1fr);gap:18px}
i{height:170px;background:#eae4da;border-radius:4px}`;


/** { url, close(), push(event), frame(frame), say(text), seed(events) } */
export async function startServer(root, { html, csp, name } = {}) {
    const log = [];
    const streams = new Set();
    let clock = Date.now();
    let numbers = new Map();
    let view;
    let online = true;
    let fail = false;

    const operator = name ? { ...ANNA, name } : ANNA;

    const write = (res, frame) =>
        res.write(`id: ${frame.cursor ?? 'c'}\ndata: ${JSON.stringify(frame)}\n\n`);

    const frame = (f) => {
        for (const res of streams) {
            write(res, f);
        }
    };

    const push = (e, body, { sender, ago = 0 } = {}) => {
        clock = Math.max(clock + 1, Date.now());
        const id = `${clock - ago}-${log.length}`;

        view ??= { id: D, site: '1', visitor: 'AAECAwQFBgcICQoLDA0ODw',
            state: 'queued', rev: '1', seq: '0', last: id,
            opened_ms: String(clock), queued_ms: String(clock) };
        const event = { e, id, dialog: D, seq: String(log.length + 1),
            ...(sender ? { sender } : {}), body };

        log.push(event);
        view = { ...view, seq: event.seq, last: id,
            ...(e === 'dialog_taken'
                ? { state: 'active', owner: body.operator.id }
                : e === 'dialog_closed' ? { state: 'closed', owner: undefined }
                    : e === 'dialog_reopened' ? { state: 'queued' } : {}) };
        frame({ t: 'event', cursor: `c${log.length}`, ...event });

        return event;
    };

    const server = createServer(async (req, res) => {
        const url = new URL(req.url, 'http://localhost');
        const path = url.pathname;

        const json = (status, body) => {
            res.writeHead(status, { 'content-type': 'application/json' });
            res.end(JSON.stringify(body));
        };

        if (fail && path.includes('/v1/')) {
            res.destroy();

        } else if (path === '/_chat/v1/visitor') {
            json(200, { visitor: 'AAECAwQFBgcICQoLDA0ODw', token: 'x',
                expires_ms: String(Date.now() + 1e10) });

        } else if (path === '/_chat/v1/events') {
            res.writeHead(200, { 'content-type': 'text/event-stream',
                'cache-control': 'no-store' });
            streams.add(res);
            res.on('close', () => streams.delete(res));
            write(res, { t: 'welcome', cursor: `c${log.length}`,
                reset: !url.searchParams.has('cursor'),
                n: String(numbers.get(url.searchParams.get('instance')) ?? 0),
                limits: { text_max: 4000, ping_ms: 30000, tail: 32 },
                link: 'up', online, ...(view ? { dialog: view,
                    events: log } : {}) });

        } else if (path === '/_chat/v1/send') {
            let body = '';

            for await (const chunk of req) {
                body += chunk;
            }

            const c = JSON.parse(body);
            const instance = url.searchParams.get('instance');

            if (c.t === 'post_message') {
                const sender = `${instance}:${c.n}`;

                numbers.set(instance, Number(c.n));

                if (c.text.includes('refuse')) {
                    numbers.set(instance, Number(c.n) - 1);
                    json(400, { t: 'error', code: 'bad_field', text: 'no',
                        n: c.n });
                    return;
                }

                if (log.length === 0) {
                    push('dialog_opened', {}, { sender: undefined });
                }

                const e = push('message_posted',
                    { from: { kind: 'visitor' }, text: c.text }, { sender });

                json(200, { t: 'ack', n: c.n, id: e.id, dialog: D,
                    seq: e.seq });

            } else if (c.t === 'close_dialog') {
                numbers.set(instance, Number(c.n));
                const e = push('dialog_closed',
                    { by: { kind: 'visitor' }, reason: 'visitor' });

                json(200, { t: 'ack', n: c.n, id: e.id, dialog: D,
                    seq: e.seq });

            } else {
                json(200, { t: 'pong' });
            }

        } else if (path === '/page.css') {
            res.writeHead(200, { 'content-type': 'text/css' });
            res.end(PAGE_CSS);

        } else if (path.startsWith('/_chat/widget')) {
            const file = path.replace(/^\/_chat\/(widget\/)?/, '');

            try {
                const text = await readFile(join(root, 'widget/dist', file));

                res.writeHead(200, { 'content-type':
                    TYPES[file.split('.').pop()] });
                res.end(text);
            } catch {
                json(404, {});
            }

        } else if (path === '/' || path === '/two') {
            res.writeHead(200, { 'content-type': 'text/html; charset=utf-8',
                ...(csp ? { 'content-security-policy': csp } : {}) });
            res.end(html);

        } else {
            json(404, {});
        }
    });

    await new Promise((done) => server.listen(0, '127.0.0.1', done));

    return {
        url: `http://127.0.0.1:${server.address().port}`,
        frame, push, operator,
        say: (text, o) => push('message_posted',
            { from: operator, text }, o),
        heard: (text, o) => push('message_posted',
            { from: { kind: 'visitor' }, text }, { sender: `x:${log.length}`, ...o }),
        dialog: () => D,
        log: () => log,
        away: () => {
            online = false;
        },
        break: (on) => {
            fail = on;
            if (on) {
                for (const res of streams) {
                    res.destroy();
                }
            }
        },
        close: () => new Promise((done) => {
            server.close(done);
            server.closeAllConnections?.();
        }),
    };
}
