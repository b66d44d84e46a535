/* What the builds and the tests share: how esbuild is asked. */

import { readFile } from 'node:fs/promises';
import { transform } from 'esbuild';

/**
 * The oldest browsers we build for.  Before 91 Chrome had an error in `?.`,
 * which would be written out: 333 bytes of the widget, compressed.
 */
export const TARGET = ['chrome91', 'firefox90', 'safari15'];

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
