import { ru } from './i18n/ru.ts';
import { mountPanel } from './main.ts';
import type { Panel, Place } from './contract.ts';

export const mount = (place: Place): Panel =>
    mountPanel(place, { t: ru, dir: 'ltr', tag: 'ru' });
