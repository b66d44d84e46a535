/* What is found in texts: links, emoji, initials. */

export type Part = { text: string; href?: string };

const LINK = /\b(?:https?:\/\/|www\.)[^\s<>"'`]+/giu;


/** Splits a text into plain parts and links; only http and https. */
export function links(text: string): Part[] {
    const parts: Part[] = [];
    let end = 0;

    for (const match of text.matchAll(LINK)) {
        const word = trimTail(match[0]);
        const href = address(word);

        if (!href) {
            continue;
        }

        if (match.index > end) {
            parts.push({ text: text.slice(end, match.index) });
        }

        parts.push({ text: word, href });
        end = match.index + word.length;
    }

    if (end < text.length) {
        parts.push({ text: text.slice(end) });
    }

    return parts;
}


/** A sentence's full stop is not the link's; nor is an unopened bracket. */
function trimTail(word: string): string {
    for (;;) {
        const last = word[word.length - 1]!;

        if ('.,;:!?…»”'.includes(last)) {
            word = word.slice(0, -1);

        } else if (last === ')' && count(word, ')') > count(word, '(')) {
            word = word.slice(0, -1);

        } else {
            return word;
        }
    }
}


function count(text: string, char: string): number {
    return text.split(char).length - 1;
}


function address(word: string): string | undefined {
    try {
        const url = new URL(/^www\./i.test(word) ? 'https://' + word : word);

        return /^https?:$/.test(url.protocol)
            && /\.|^localhost$/.test(url.hostname) ? url.href : undefined;

    } catch {
        return undefined;
    }
}


/* pictures, flags, skins, joiners; a blank between */
const EMOJI = /^[\p{Extended_Pictographic}\p{RI}\p{EMod}\u200D\uFE0F\s]+$/u;

/** A few emoji and nothing else: shown large. */
export function isEmoji(text: string): boolean {
    return text.length <= 24 && text.trim() !== '' && EMOJI.test(text);
}


/** "Anna Petrova" -> "AP". */
export function initials(name: string): string {
    const words = name.trim().split(/\s+/u).filter((w) => /^\p{L}/u.test(w));

    return words.slice(0, 2).map((w) => Array.from(w)[0]!).join('')
        .toLocaleUpperCase();
}


/** Characters as the server counts them. */
export function length(text: string): number {
    return Array.from(text).length;
}
