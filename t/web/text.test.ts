import test from 'node:test';
import assert from 'node:assert/strict';
import { readable } from '../../widget/src/colour.ts';
import { en } from '../../widget/src/i18n/en.ts';
import { ru } from '../../widget/src/i18n/ru.ts';
import { initials, isEmoji, length, links } from '../../widget/src/text.ts';

function found(text: string): string[] {
    return links(text).flatMap((p) => p.href === undefined ? [] : [p.href]);
}


test('links: http and https, nothing else', () => {
    assert.deepEqual(found('see https://a.example/x?y=1#z.'),
        ['https://a.example/x?y=1#z']);
    assert.deepEqual(found('www.shop.example, then http://b.example!'),
        ['https://www.shop.example/', 'http://b.example/']);
    assert.deepEqual(found('(https://a.example/w_(x)) «https://b.example»'),
        ['https://a.example/w_(x)', 'https://b.example/']);
    assert.deepEqual(found('смотри https://пример.рф/путь'),
        ['https://xn--e1afmkfd.xn--p1ai/%D0%BF%D1%83%D1%82%D1%8C']);

    for (const bad of ['javascript:alert(1)', 'data:text/html,x', 'https://',
        'http://x', 'ftp://a.example', 'file:///etc/passwd', 'a.b.c',
        'HTTPS:alert(1)', 'https:\\\\a.example'])
    {
        assert.deepEqual(found(bad), [], bad);
    }
});


test('the parts of a text are the text', () => {
    for (const text of ['', ' a https://a.example, b www.c.example ',
        'https://a.example', '<b>https://a.example"</b>'])
    {
        assert.equal(links(text).map((p) => p.text).join(''), text);
    }
});


test('emoji alone are shown large, digits and words are not', () => {
    for (const text of ['👍', '❤️', '👩‍👩‍👧', '🇳🇴', '👍🏽 🎉', '👋👋👋']) {
        assert.equal(isEmoji(text), true, text);
    }

    for (const text of ['', ' ', '1', '42', '#', 'ok', 'ok 👍', '👍.',
        '😀'.repeat(30)])
    {
        assert.equal(isEmoji(text), false, text);
    }
});


test('initials: of words, whatever the alphabet', () => {
    assert.equal(initials('Anna Petrova'), 'AP');
    assert.equal(initials('  анна  мария петрова'), 'АМ');
    assert.equal(initials('Zoë'), 'Z');
    assert.equal(initials('7 (admin)'), '');
    assert.equal(initials(''), '');
    assert.equal(length('a👍б'), 3);
});


test('text on a colour is the one that reads better', () => {
    assert.equal(readable('#000000'), '#fff');
    assert.equal(readable('#2456d3'), '#fff');
    assert.equal(readable('#ffffff'), '#111');
    assert.equal(readable('#ffd400'), '#111');
    assert.equal(readable('#00c853'), '#111');
});


test('catalogues: nothing empty, nothing forgotten in English', () => {
    for (const [key, value] of Object.entries(ru)) {
        const other = en[key as keyof typeof en];

        assert.equal(typeof value, typeof other, key);

        if (typeof value === 'string') {
            assert(value !== '' && value !== other, key);
        }
    }
});
