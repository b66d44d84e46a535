/*
 * A coloured disc with initials; the colour is stable by id.
 */

const COLOURS = 8;


function colour(id: string): number {
    let h = 0;

    for (const c of id) {
        h = (h * 31 + (c.codePointAt(0) ?? 0)) >>> 0;
    }

    return h % COLOURS;
}


export function initials(name: string): string {
    return name.split(/\s+/).filter(Boolean).slice(0, 2)
        .map((word) => Array.from(word)[0]?.toUpperCase() ?? '').join('');
}


export function Avatar({ id, name, online }:
    { id: string; name: string; online?: boolean | undefined })
{
    return (
        <span class={`avatar hue-${colour(id)}`} aria-hidden="true">
            {initials(name)}
            {online ? <i class="online" /> : null}
        </span>
    );
}
