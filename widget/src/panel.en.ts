import { en } from './i18n/en.ts';
import { mountPanel } from './main.ts';
import type { Panel, Place } from './contract.ts';

export const mount = (place: Place): Panel => mountPanel(place, {
    t: en, dir: 'ltr',
    // dates as the page's region writes them
    tag: /^en/i.test(place.options.lang) ? place.options.lang : 'en',
});
