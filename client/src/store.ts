/*
 * A value one can watch.  Setting the same value again tells nobody; a
 * watcher added or removed while others are told does not disturb them.
 */

export interface Atom<T> {
    get(): T;
    set(value: T): void;
    update(change: (value: T) => T): void;
    /** Calls back on every change, and at once with what is there. */
    watch(fn: (value: T) => void): () => void;
}


export function atom<T>(value: T): Atom<T> {
    const watchers = new Set<(value: T) => void>();

    const set = (next: T): void => {
        if (Object.is(next, value)) {
            return;
        }

        value = next;

        for (const fn of [...watchers]) {
            fn(value);
        }
    };

    return {
        get: () => value,
        set,
        update: (change) => set(change(value)),
        watch: (fn) => {
            watchers.add(fn);
            fn(value);
            return () => void watchers.delete(fn);
        },
    };
}
