/* Paths on a grid of 24, drawn with a stroke of 1.8. */

export const CHAT = 'M12 4c-5 0-9 3.4-9 7.6 0 2.3 1.2 4.3 3 5.7l-.6 3.1c-.1.4'
    + '.3.7.7.5l3.4-1.7c.8.2 1.6.3 2.5.3 5 0 9-3.4 9-7.9S17 4 12 4z';
export const DOWN = 'M6 9.5l6 6 6-6';
export const CLOSE = 'M6.5 6.5l11 11M17.5 6.5l-11 11';
export const SEND = 'M12 19V5.5M6 11l6-6 6 6';
export const CHECK = 'M5.5 12.5l4.3 4.3 8.7-9.3';

/* plain strings: the bundler leaves out those that nobody uses */
export const CLOCK = 'M12 3.5a8.5 8.5 0 100 17 8.5 8.5 0 000-17zM12 7.5V12l3 2';
export const ALERT = 'M12 3.5a8.5 8.5 0 100 17 8.5 8.5 0 000-17zM12 8v4.7M12 16.2v.1';
export const SMILE = 'M12 3.5a8.5 8.5 0 100 17 8.5 8.5 0 000-17zM8.5 14.2c.8 1.2 2 '
    + '1.9 3.5 1.9s2.7-.7 3.5-1.9M9 9.7v.1M15 9.7v.1';
export const MORE = 'M5.8 12h.1M12 12h.1M18.2 12h.1';

const SVG = 'http://www.w3.org/2000/svg';


/** Without a label it is decoration. */
export function icon(d: string, label?: string): SVGSVGElement {
    const svg = document.createElementNS(SVG, 'svg');
    const path = document.createElementNS(SVG, 'path');
    const attributes = {
        viewBox: '0 0 24 24', fill: 'none', stroke: 'currentColor',
        'stroke-width': d === MORE ? '2.4' : '1.8',
        'stroke-linecap': 'round', 'stroke-linejoin': 'round',
        width: '20', height: '20',
        ...label ? { role: 'img', 'aria-label': label }
            : { 'aria-hidden': 'true' },
    };

    for (const [key, value] of Object.entries(attributes)) {
        svg.setAttribute(key, value);
    }

    path.setAttribute('d', d);
    svg.append(path);

    return svg;
}
