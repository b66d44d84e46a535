/** Black or white, whichever reads better on #rrggbb (WCAG 2 contrast). */
export function readable(colour: string): '#fff' | '#111' {
    const [r, g, b] = [1, 3, 5].map((i) => {
        const c = parseInt(colour.slice(i, i + 2), 16) / 255;

        return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];

    const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;

    // contrast with white is at least that with #111 (luminance 0.0056)
    return 1.05 / (light + 0.05) >= (light + 0.05) / 0.0556 ? '#fff' : '#111';
}
