import test from 'node:test';
import assert from 'node:assert/strict';
import { storageKeep } from '../../client/src/host.ts';

/** As much of Storage as is used, with room for so many characters. */
class Small {
    map = new Map<string, string>();

    constructor(readonly room: number) {}

    get length(): number {
        return this.map.size;
    }

    key(i: number): string | null {
        return [...this.map.keys()][i] ?? null;
    }

    getItem(key: string): string | null {
        return this.map.get(key) ?? null;
    }

    setItem(key: string, value: string): void {
        const others = [...this.map].filter(([name]) => name !== key)
            .reduce((sum, [, text]) => sum + text.length, 0);

        if (others + value.length > this.room) {
            throw new Error('QuotaExceededError');
        }

        this.map.set(key, value);
    }

    removeItem(key: string): void {
        this.map.delete(key);
    }
}


test('storage that is full keeps nothing that is not true any more', () => {
    const world = globalThis as unknown as Record<string, unknown>;
    const before = Object.getOwnPropertyDescriptor(globalThis, 'localStorage');

    try {
        const small = new Small(10);

        Object.defineProperty(world, 'localStorage',
            { value: small, configurable: true });

        const keep = storageKeep('localStorage', 'p.');

        keep.set('a', 'old');
        keep.set('a', 'much too long');
        assert.equal(keep.get('a'), 'much too long', 'this page goes on');
        assert.equal(small.getItem('p.a'), null, 'the next one is not misled');

        keep.set('a', 'new');
        assert.equal(small.getItem('p.a'), 'new');
        assert.equal(keep.get('a'), 'new');
    } finally {
        if (before) {
            Object.defineProperty(globalThis, 'localStorage', before);
        } else {
            delete world['localStorage'];
        }
    }
});
