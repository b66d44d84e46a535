/*
 * Line icons of 20 units, drawn for this cabinet.
 */

const paths = {
    send: 'M3 10l14-6-5 13-3-5zM9 12l8-8',
    back: 'M12 4l-6 6 6 6',
    check: 'M4 10.5l4 4 8-9',
    clock: 'M10 3a7 7 0 100 14 7 7 0 000-14zM10 6v4.2l2.6 1.6',
    close: 'M5 5l10 10M15 5L5 15',
    take: 'M10 3v9M6 8.5l4 4 4-4M4 16h12',
    release: 'M8 5L4 9l4 4M4.5 9H12a4 4 0 010 8h-2',
    end: 'M10 3a7 7 0 100 14 7 7 0 000-14zM7.5 10.2l2 2 3.5-4',
    warn: 'M10 3.5l7.5 13h-15zM10 8.5v4M10 14.7v.1',
    eye: 'M2.5 10S5 5 10 5s7.5 5 7.5 5-2.5 5-7.5 5-7.5-5-7.5-5zM10 8a2 2 0 100 4 2 2 0 000-4z',
    inbox: 'M3 11l2.5-7h9L17 11v5H3zM3 11h4l1 2h4l1-2h4',
} as const;

export type IconName = keyof typeof paths;


export function Icon({ name }: { name: IconName }) {
    return (
        <svg class="icon" viewBox="0 0 20 20" width="20" height="20"
            aria-hidden="true">
            <path d={paths[name]} />
        </svg>
    );
}
