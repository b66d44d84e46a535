/*
 * What people wrote: text, never markup.  Addresses that begin with http(s)
 * become links that tell the other side nothing.
 */

const URL_RE = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/g;


export function Text({ text }: { text: string }) {
    const parts = [];
    let at = 0;

    for (const match of text.matchAll(URL_RE)) {
        parts.push(text.slice(at, match.index));
        parts.push(
            <a href={match[0]} target="_blank" rel="noopener noreferrer nofollow">
                {match[0]}
            </a>);
        at = match.index + match[0].length;
    }

    parts.push(text.slice(at));

    return <>{parts}</>;
}
