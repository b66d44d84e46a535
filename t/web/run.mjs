/*
 * Compiles the browser tests and runs them under node's runner:
 *
 *     node t/web/run.mjs [--reporter NAME] [FILE.test.ts ...]
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { cssText } from '../../client/bundle.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const args = process.argv.slice(2);
const reporter = args[0] === '--reporter' ? args.splice(0, 2)[1] : 'spec';
const names = args.length > 0 ? args
    : readdirSync(here).filter((name) => name.endsWith('.test.ts'));

// inside the tree, so that the tests find node_modules
const out = mkdtempSync(join(root, 'node_modules/.web-'));

try {
    await build({
        entryPoints: names.map((name) => join(here, name)),
        outdir: out,
        outExtension: { '.js': '.mjs' },
        bundle: true,
        packages: 'external',
        platform: 'node',
        format: 'esm',
        target: 'node18',
        sourcemap: 'inline',
        define: { ROOT: JSON.stringify(root) },
        plugins: [cssText],
        logLevel: 'warning',
    });

    const run = spawnSync(process.execPath, ['--enable-source-maps', '--test',
        ...(reporter === 'spec' ? [] : ['--test-reporter', reporter]),
        ...readdirSync(out).map((name) => join(out, name))],
    { stdio: 'inherit' });

    process.exitCode = run.status ?? 1;

} finally {
    rmSync(out, { recursive: true });
}
