import type { Desk } from '../desk.ts';


/** Back to the list, and to the place in it. */
export function leaveThread(desk: Desk): void {
    const row = document.querySelector<HTMLElement>('.row[aria-current]');

    desk.select(undefined);
    // on a phone the list is shown only then
    requestAnimationFrame(() => row?.focus());
}
