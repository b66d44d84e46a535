/*
 * Pictures of the widget in its states: node t/web/shots.mjs FOLDER [STATE]
 * For looking at, not for comparing.
 */

import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';
import { pageHtml, startServer } from './server.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const [out = 'shots', only] = process.argv.slice(2);

const DAY = 86_400_000;
const TEXT = {
    en: ['Boots for the north', 'Warm, light, made to be walked in.'],
    ru: ['Обувь для севера', 'Тёплая, лёгкая, для долгой дороги.'],
};
const TALK = {
    en: (s) => {
        s.push('dialog_opened', {}, { ago: DAY });
        s.heard('Hi! Do you have the Lapland boots in 42?', { ago: DAY });
        s.push('dialog_taken', { operator: s.operator }, { ago: DAY - 20000 });
        s.say('Hello! Yes, black and dark brown.', { ago: DAY - 60000 });
        s.say('Here they are: https://nordwind.example/boots/lapland-42?'
            + 'colour=dark-brown — the sole is new this year.',
        { ago: DAY - 70000 });
        s.heard('Great, thank you', { ago: DAY - 100000 });
        s.heard('And how long does delivery to Tromsø take? I need them by '
            + 'Friday, we leave on Saturday morning.', { ago: 240000 });
        s.say('Two days by courier, so Thursday at the latest.',
            { ago: 120000 });
        s.heard('👍', { ago: 60000 });
    },
    ru: (s) => {
        s.push('dialog_opened', {}, { ago: DAY });
        s.heard('Здравствуйте! Есть «Лапландия» 42 размера?', { ago: DAY });
        s.push('dialog_taken', { operator: s.operator }, { ago: DAY - 20000 });
        s.say('Добрый день! Да, чёрные и тёмно-коричневые.',
            { ago: DAY - 60000 });
        s.say('Вот они: https://nordwind.example/boots/lapland-42 — подошва'
            + ' в этом году новая.', { ago: DAY - 70000 });
        s.heard('Отлично, спасибо', { ago: DAY - 100000 });
        s.heard('А доставка в Мурманск сколько идёт? Нужно к пятнице: утром в'
            + ' субботу уезжаем.', { ago: 240000 });
        s.say('Курьером два дня, то есть самое позднее в четверг.',
            { ago: 120000 });
        s.heard('👍', { ago: 60000 });
    },
};

const open = (page) => page.locator('.launch').click();
const write = async (page, text) => {
    await page.locator('textarea').fill(text);
    await page.keyboard.press('Enter');
};

const STATES = {
    button: async () => undefined,

    empty: async (page) => {
        await open(page);
    },

    away: async (page, s) => {
        s.away();
        await open(page);
    },

    talk: async (page, s, lang) => {
        TALK[lang](s);
        await open(page);
        await page.locator('.theirs').first().waitFor();
        s.frame({ t: 'typing', dialog: s.dialog(), from: s.operator });
        await page.locator('.typing').waitFor();
        await page.locator('textarea').fill(lang === 'ru'
            ? 'Тогда беру тёмно-коричневые.' : 'Then I take the dark brown.');
    },

    offline: async (page, s, lang) => {
        TALK[lang](s);
        await open(page);
        await page.locator('.theirs').first().waitFor();
        s.break(true);
        await write(page, lang === 'ru' ? 'Вы здесь?' : 'Are you there?');
        await page.locator('.banner button').waitFor();
    },

    closed: async (page, s, lang) => {
        TALK[lang](s);
        await open(page);
        await page.locator('.theirs').first().waitFor();
        await page.locator('.tools .tool').first().click();
        await page.locator('.entry').click();
        await page.screenshot({ path: page.file('menu') });
        await page.locator('.action.main').click();
        await page.locator('.note').nth(1).waitFor();
        await write(page, 'please refuse this one');
        await page.locator('.refused').waitFor();
    },

    emoji: async (page, s, lang) => {
        TALK[lang](s);
        await open(page);
        await page.locator('.field .tool').click();
    },

    long: async (page, s) => {
        await open(page);
        await write(page, 'http://example.com/' + 'long'.repeat(60));
        await write(page, 'first line\nsecond line\n\nfourth <b>line</b>');
        await write(page, 'שלום עולם');
        await page.locator('textarea').fill('слово '.repeat(680));
    },

    badge: async (page, s, lang) => {
        TALK[lang](s);
        await open(page);
        await page.locator('.theirs').first().waitFor();
        await page.locator('.launch').click();
        s.say('One more thing');
        s.say('And another');
        await page.locator('.badge').waitFor();
    },
};

const VIEWS = {
    desktop: { viewport: { width: 1280, height: 800 } },
    phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2,
        isMobile: true, hasTouch: true },
};

await mkdir(out, { recursive: true });
const browser = await launch();

for (const [state, play] of Object.entries(STATES)) {
    if (only && only !== state) {
        continue;
    }

    for (const [view, context] of Object.entries(VIEWS)) {
        for (const [lang, scheme] of [['en', 'light'], ['ru', 'dark'],
            ['ru', 'light']])
        {
            if (view === 'phone' && state === 'badge') {
                continue;
            }

            const server = await startServer(root, {
                html: pageHtml({ lang, text: TEXT[lang] }),
                name: lang === 'en' ? 'Anna Petrova' : undefined,
            });
            const page = await browser.newPage(
                { ...context, colorScheme: scheme, locale: lang });

            page.on('pageerror', (e) => console.log('ERROR', state, e));
            page.file = (name) =>
                join(out, `${name}-${view}-${lang}-${scheme}.png`);

            try {
                await page.goto(server.url);
                await page.locator('.launch').waitFor();
                await play(page, server, lang);
                await page.waitForTimeout(350);
            } catch (e) {
                console.log(state, view, lang, e.message.slice(0, 300));
            }

            await page.screenshot({ path: page.file(state) });
            await page.close();
            await server.close();
        }
    }
}

await browser.close();
