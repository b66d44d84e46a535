/* The little of Node that the tests use; @types/node is 2 MB for six names. */

declare module 'node:test' {
    type Run = (t: { diagnostic(text: string): void }) => void | Promise<void>;
    export function test(name: string, run: Run): Promise<void>;
    export default test;
}

declare module 'node:assert/strict' {
    interface Assert {
        (value: unknown, message?: string): asserts value;
        equal(actual: unknown, expected: unknown, message?: string): void;
        notEqual(actual: unknown, expected: unknown, message?: string): void;
        deepEqual(actual: unknown, expected: unknown, message?: string): void;
        ok(value: unknown, message?: string): asserts value;
        fail(message?: string): never;
    }
    const assert: Assert;
    export default assert;
}

declare module 'node:fs' {
    export function readFileSync(path: string, encoding: 'utf8'): string;
    export function readFileSync(path: string): Uint8Array;
    export function readdirSync(path: string): string[];
}

declare module 'node:zlib' {
    export function gzipSync(data: Uint8Array, o?: { level: number }):
        Uint8Array;
}

/** The top of the tree; set by run.mjs. */
declare const ROOT: string;
