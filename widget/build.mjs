/*
 * Builds the widget: node widget/build.mjs [folder].
 * Served below chat_path as widget.js and widget/...:
 *
 *   widget.js                the loader, on every page
 *   panel-LANGUAGE-HASH.js   the panel, cached for ever
 *   panel-LANGUAGE.js        the same, for loaders older than an upgrade
 */

import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { TARGET, cssText } from '../client/bundle.mjs';

const here = dirname(fileURLToPath(import.meta.url));


async function bundle(entry, format, define = {}) {
    const result = await build({
        entryPoints: [join(here, 'src', entry)],
        bundle: true,
        minify: true,
        write: false,
        format,
        define,
        target: TARGET,
        charset: 'utf8',
        legalComments: 'none',
        plugins: [cssText],
    });

    return result.outputFiles[0].contents;
}


export async function buildWidget(out) {
    await rm(out, { recursive: true, force: true });
    await mkdir(out, { recursive: true });

    const names = {};

    for (const lang of ['en', 'ru']) {
        const panel = await bundle(`panel.${lang}.ts`, 'esm');
        const hash = createHash('sha256').update(panel).digest('hex');

        names[lang] = `panel-${lang}-${hash.slice(0, 10)}.js`;
        await writeFile(join(out, names[lang]), panel);
        await writeFile(join(out, `panel-${lang}.js`), panel);
    }

    await writeFile(join(out, 'widget.js'), await bundle('loader.ts', 'iife',
        { PANELS: JSON.stringify(names) }));
}


if (process.argv[1] === fileURLToPath(import.meta.url)) {
    await buildWidget(process.argv[2] ?? join(here, 'dist'));
}
