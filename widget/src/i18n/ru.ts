import type { Catalogue } from './en.ts';

const rules = new Intl.PluralRules('ru');

function plural(n: number, one: string, few: string, many: string): string {
    const form = rules.select(n);

    return `${n} ${form === 'one' ? one : form === 'few' ? few : many}`;
}

/* no past tense of people: it would need their gender */
export const ru: Catalogue = {
    title: 'Поддержка',
    close: 'Закрыть чат',
    panel: 'Чат с поддержкой',
    thread: 'Сообщения',
    online: 'На связи',
    away: 'Оставьте сообщение — ответим',
    waiting: 'Ищем свободного сотрудника',
    joined: (name) => `С вами на связи ${name}`,
    hello: 'Здравствуйте!',
    hello_online: 'Спрашивайте — мы на связи.',
    hello_away: 'Оставьте сообщение — ответ будет ждать вас здесь.',
    placeholder: 'Напишите сообщение',
    placeholder_closed: 'Напишите ещё',
    send: 'Отправить',
    emoji: 'Эмодзи',
    menu: 'Ещё',
    end: 'Завершить чат',
    end_sure: 'Завершить чат?',
    end_yes: 'Завершить',
    cancel: 'Отмена',
    ended: 'Чат завершён',
    ended_by_you: 'Чат завершён по вашей просьбе',
    ended_idle: 'Чат завершён: давно не было сообщений',
    reopened: 'Разговор продолжается',
    released: 'Передаём вас другому сотруднику',
    you: 'Вы',
    operator: 'Оператор',
    typing: (name) => `${name} печатает`,
    sending: 'Отправляется',
    sent: 'Отправлено',
    not_sent: 'Не отправлено',
    retry: 'Повторить',
    remove: 'Удалить',
    fresh: 'Новые сообщения',
    connecting: 'Подключаемся…',
    no_link: 'Нет связи. Всё, что вы напишете, сохранится и будет отправлено.',
    store_away:
        'У нас пауза. Всё, что вы напишете, сохранится и будет отправлено.',
    retry_now: 'Повторить',
    suspended: 'Чат на этом сайте сейчас недоступен.',
    replaced: 'Чат продолжается в другом окне.',
    use_here: 'Продолжить здесь',
    failed: 'Не удалось начать чат.',
    left: (n) => 'Осталось ' + plural(n, 'знак', 'знака', 'знаков'),
    too_long: (n) => 'Лишних знаков: ' + n,
};
