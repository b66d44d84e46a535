import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { NO_DIALOG, earlier, foldView, missing, typists, withEvents,
    withTyping, withView } from '../../client/src/dialog.ts';
import { EMPTY_INBOX, inboxEvent, inboxLists, inboxWelcome }
    from '../../client/src/inbox.ts';
import { compareIds } from '../../client/src/ids.ts';
import type { DialogView, EventFrame, EventView, Welcome }
    from '../../client/src/types.ts';

interface Vector {
    name: string;
    steps: { frame: EventFrame; view: DialogView }[];
}

const vectors = readFileSync(ROOT + '/t/vectors/dialog.jsonl', 'utf8')
    .split('\n').filter(Boolean).map((line) => JSON.parse(line) as Vector);

const D = '018bcfe568000001';

function said(seq: number, text = 'text ' + seq): EventView {
    return { e: 'message_posted', id: `${1000 + seq}-0`, dialog: D,
        seq: String(seq), body: { from: { kind: 'operator', id: '5' }, text },
    } as EventView;
}

function view(change: Partial<DialogView> = {}): DialogView {
    return { id: D, site: '7', visitor: 'AAECAwQFBgcICQoLDA0ODw',
        state: 'queued', rev: '1', seq: '0', last: '1000-0',
        opened_ms: '1000', queued_ms: '1000', ...change } as DialogView;
}

assert(vectors.length > 5);

for (const { name, steps } of vectors) {
    test('vector: ' + name, () => {
        let state: DialogView | undefined;
        let inbox = EMPTY_INBOX;

        for (const step of steps) {
            state = foldView(step.frame.view ?? state, step.frame);
            inbox = inboxEvent(inbox, step.frame);

            assert.deepEqual(state, step.view);
            assert.deepEqual(inbox.dialogs.get(step.view.id), step.view);
        }
    });
}


test('events come in any order, more than once: each is there once', () => {
    let s = withView(NO_DIALOG, view({ seq: '4', last: '1004-0' }));

    for (const seq of [3, 1, 4, 1, 2, 3, 4]) {
        s = withEvents(s, [said(seq)]);
    }

    assert.deepEqual(s.events.map((e) => e.seq), ['1', '2', '3', '4']);
    assert.equal(missing(s), undefined);
});


test('a hole is asked for; so is the end, so is the beginning', () => {
    let s = withView(NO_DIALOG, view({ seq: '250', last: '1250-0' }));

    assert.equal(missing(s), 150);

    s = withEvents(s, [said(201), said(202), said(205)]);
    assert.equal(missing(s), 202);

    s = withEvents(s, [said(203), said(204)]);
    assert.equal(missing(s), 205);
    assert.equal(earlier(s), 100);

    s = withEvents(s, [said(250)]);
    assert.equal(missing(s), 205);
});


test('an old view does not undo what events told; a new dialog replaces',
    () => {
        let s = withEvents(withView(NO_DIALOG, view()), [said(1), said(2)]);

        s = withView(s, view({ seq: '1', last: '1001-0' }));
        assert.equal(s.view?.seq, '2');
        assert.equal(s.view?.text, 'text 2');

        s = withView(s, view({ id: '018bcfe568000002', last: '2000-0' }));
        assert.equal(s.events.length, 0);

        // events of the dialog before are of no interest any more
        s = withEvents(s, [said(3)]);
        assert.equal(s.events.length, 0);

        s = withEvents(s, [{ e: 'dialog_opened', id: '3000-0',
            dialog: '018bcfe568000003', seq: '1', body: {} } as EventView]);
        assert.equal(s.view?.id, '018bcfe568000003');
        assert.equal(s.view?.state, 'queued');
    });


test('typing ends by itself, and with the message', () => {
    const anna = { kind: 'operator', id: '5', name: 'Anna' } as const;
    let s = withTyping(withView(NO_DIALOG, view()), D, anna, 100);

    assert.equal(typists(s, 5_000).length, 1);
    assert.equal(typists(s, 5_100).length, 0);

    s = withTyping(s, D, anna, 2_000);
    assert.equal(typists(s, 5_100).length, 1);
    assert.equal(s.typing.length, 1);

    s = withEvents(s, [said(1)]);
    assert.equal(s.typing.length, 0);
    assert.equal(withTyping(s, 'other', anna, 1).typing.length, 0);
});


test('the order of ids is that of numbers, not of letters', () => {
    assert(compareIds('9-0', '10-0') < 0);
    assert(compareIds('10-9', '10-10') < 0);
    assert(compareIds('10-1', '9-99') > 0);
    assert.equal(compareIds('10-1', '10-1'), 0);
    assert(compareIds('10', '10-1') < 0);
});


function welcome(w: Partial<Welcome>): Welcome {
    return { t: 'welcome', cursor: 'c', reset: false, n: '0', link: 'up',
        limits: { text_max: 4000, ping_ms: 1000, tail: 32 }, ...w };
}

function dialog(id: string, change: Partial<DialogView>): DialogView {
    return view({ id: id.padStart(16, '0'), ...change });
}


test('lists of an operator: queue by wait, mine by wait, then the last', () => {
    const s = inboxWelcome(EMPTY_INBOX, welcome({
        reset: true,
        operator: { id: '5', name: 'Anna' },
        dialogs: [
            dialog('1', { queued_ms: '900' }),
            dialog('2', { queued_ms: '1000' }),
            dialog('3', { queued_ms: '89' }),
            dialog('4', { state: 'active', owner: '5', last: '90-0' }),
            dialog('5', { state: 'active', owner: '5', last: '80-0',
                wait_ms: '700' }),
            dialog('6', { state: 'active', owner: '5', last: '95-0' }),
            dialog('7', { state: 'active', owner: '6' }),
            dialog('8', { state: 'closed', closed_ms: '5' }),
            dialog('9', { state: 'closed', closed_ms: '50' }),
        ],
    }));
    const lists = inboxLists(s);
    const ids = (views: DialogView[]): string[] =>
        views.map((v) => v.id.slice(-1));

    assert.deepEqual(ids(lists.queue), ['3', '1', '2']);
    assert.deepEqual(ids(lists.mine), ['5', '6', '4']);
    assert.deepEqual(ids(lists.others), ['7']);
    assert.deepEqual(ids(lists.closed), ['9', '8']);
});


test('a welcome adds what changed; with reset it replaces all', () => {
    let s = inboxWelcome(EMPTY_INBOX, welcome({ reset: true,
        dialogs: [dialog('1', { last: '10-0' }), dialog('2', {})] }));

    s = inboxWelcome(s, welcome({ dialogs: [dialog('1', { last: '9-0',
        state: 'closed' }), dialog('3', {})] }));
    assert.equal(s.dialogs.size, 3);
    assert.equal(s.dialogs.get('1'.padStart(16, '0'))?.state, 'queued');

    s = inboxWelcome(s, welcome({ reset: true, dialogs: [dialog('3', {})] }));
    assert.equal(s.dialogs.size, 1);
});


test('an event of a dialog we never saw asks for a new hello', () => {
    const frame = { t: 'event', cursor: 'c', ...said(3) } as EventFrame;
    const s = inboxEvent(EMPTY_INBOX, frame);

    assert.equal(s.unknown, true);
    assert.equal(inboxWelcome(s, welcome({})).unknown, false);
    assert.equal(inboxEvent(EMPTY_INBOX, { ...frame, view: view() }).unknown,
        false);
});
