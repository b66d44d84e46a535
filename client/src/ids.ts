/*
 * Log ids are "MS-SEQ"; their order is the order of everything.  64-bit
 * numbers travel as digits; those we count with (seq, n, times) stay far
 * below 2^53.
 */

/** < 0, 0, > 0 as a is before, the same as, after b. */
export function compareIds(a: string, b: string): number {
    const [a1, a2] = parts(a);
    const [b1, b2] = parts(b);

    return digits(a1, b1) || digits(a2, b2);
}


/** When it was written, by the store's clock. */
export function idTime(id: string): number {
    return Number(parts(id)[0]);
}


export function num(digits: string | undefined): number {
    return digits === undefined ? 0 : Number(digits);
}


function parts(id: string): [string, string] {
    const dash = id.indexOf('-');

    return dash < 0 ? [id, '0'] : [id.slice(0, dash), id.slice(dash + 1)];
}


/* without leading zeros the longer one is the greater one */
function digits(a: string, b: string): number {
    return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
