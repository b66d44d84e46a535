/*
 * Builds the cabinet: node lua-free-admin/web/build.mjs [folder].
 * Script and style get their hash into the name, so that they may be cached
 * for ever; index.html names them.
 */

import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));

/** light-dark() and <dialog> are in all of these. */
const TARGET = ['chrome123', 'firefox120', 'safari17.5'];


async function bundle(entry) {
    const result = await build({
        entryPoints: [join(here, 'src', entry)],
        bundle: true,
        minify: true,
        write: false,
        format: 'esm',
        target: TARGET,
        jsx: 'automatic',
        jsxImportSource: 'preact',
        legalComments: 'none',
    });

    return result.outputFiles[0].contents;
}


export async function buildCabinet(out) {
    await mkdir(out, { recursive: true });

    for (const old of await readdir(out)) {
        await rm(join(out, old));
    }

    let page = await readFile(join(here, 'src/index.html'), 'utf8');

    for (const [entry, kind] of [['main.tsx', 'js'], ['app.css', 'css']]) {
        const bytes = await bundle(entry);
        const hash = createHash('sha256').update(bytes).digest('hex');
        const name = `app-${hash.slice(0, 10)}.${kind}`;

        await writeFile(join(out, name), bytes);
        page = page.replace(`%${kind.toUpperCase()}%`, name);
    }

    await writeFile(join(out, 'index.html'), page.replace(/\n+/g, '\n'));
    await writeFile(join(out, 'icon.svg'),
        await readFile(join(here, 'src/icon.svg')));
}


if (process.argv[1] === fileURLToPath(import.meta.url)) {
    await buildCabinet(process.argv[2] ?? join(here, 'dist'));
}
