/* The cabinet and the widget as a person uses them. */

import { page, place, until, url } from './browser.mjs';

export class Desk {
    static async open(options, expected) {
        const desk = new Desk();

        desk.page = await page(options, expected);
        await desk.page.goto(url('desk.test'));

        return desk;
    }

    async signIn(login = place.login, password = place.password) {
        await this.page.fill('#login', login);
        await this.page.fill('#password', password);
        await this.page.click('.login-card .primary');
        await this.page.waitForSelector('.desk');
    }

    async tab(name) {
        await this.page.click(`#tab-${name}`);
    }

    /** Opens the first dialog of a list. */
    async open(tab) {
        await this.tab(tab);
        await this.page.locator('.row').first().click();
        await this.page.waitForSelector('.thread');
    }

    async take() {
        await this.page.locator('.thread-head > .primary').click();
        await this.page.waitForSelector('.composer textarea');
    }

    async write(text) {
        await this.page.fill('.composer textarea', text);
        await this.page.press('.composer textarea', 'Enter');
        await shows(this, text);
    }

    async end() {
        await this.page.locator('.thread-head > button').last().click();
        await this.page.click('.sure .primary');
    }

    texts() {
        return this.page.locator('.bubble p').allInnerTexts();
    }

    async idle() {
        await until(async () =>
            await this.page.locator('.mark.pending').count() === 0,
        'the cabinet to have sent everything', 40_000);
    }
}


export class Widget {
    static async open(host = 'shop.test', options = {}, expected = []) {
        const widget = new Widget();

        widget.page = await page(options, expected);
        widget.host = host;
        await widget.page.goto(url(host));
        await widget.launch();

        return widget;
    }

    async launch() {
        await this.page.locator('.launch').click();
        await this.page.waitForSelector('textarea');
    }

    async write(text) {
        await this.page.fill('textarea', text);
        await this.page.press('textarea', 'Enter');
        await shows(this, text);
    }

    texts() {
        return this.page.locator('.msg .bubble').allInnerTexts();
    }

    /** Until there are so many messages: a history comes later. */
    async counts(n) {
        await until(async () => (await this.texts()).length >= n,
            `${n} messages`);
    }

    async idle() {
        await until(async () =>
            await this.page.locator('.msg.waits').count() === 0,
        'the widget to have sent everything', 40_000);
    }
}


/** Until each side shows a text. */
export async function shows(side, text, what = text) {
    await until(async () => (await side.texts()).includes(text),
        `"${what}"`, 40_000);
}
