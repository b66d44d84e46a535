/* What the builds and the tests share: how esbuild is asked. */

import { readFile } from 'node:fs/promises';
import { transform } from 'esbuild';

/** The oldest browsers we build for. */
export const TARGET = ['chrome90', 'firefox90', 'safari15'];

/** `import css from './x.css'` gives the minified text. */
export const cssText = {
    name: 'css-text',

    setup(build) {
        build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
            const { code } = await transform(await readFile(path, 'utf8'),
                { loader: 'css', minify: true, target: TARGET });

            return { contents: code.trim(), loader: 'text' };
        });
    },
};
