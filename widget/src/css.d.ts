/* The bundler gives the minified text. */
declare module '*.css' {
    const text: string;
    export default text;
}

/** The panel's file in each language; set by the bundler. */
declare const PANELS: Record<'en' | 'ru', string>;
