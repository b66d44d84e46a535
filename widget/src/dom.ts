/*
 * Enough of a view library for one panel.  Nothing here takes HTML: texts
 * become text nodes, so that what visitors and operators write stays text.
 */

type Child = Node | string | false | undefined | null;

type Props = {
    class?: string;
    on?: Partial<{ [K in keyof HTMLElementEventMap]:
        (e: HTMLElementEventMap[K]) => void }>;
} & Record<string, unknown>;


export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props,
    ...children: Child[]): HTMLElementTagNameMap[K]
{
    const element = document.createElement(tag);

    for (const [name, value] of Object.entries(props)) {
        if (name === 'on') {
            for (const [event, fn] of Object.entries(value as object)) {
                element.addEventListener(event, fn as EventListener);
            }

        } else if (value === true) {
            element.setAttribute(name, '');

        } else if (value !== false && value !== undefined && value !== null) {
            element.setAttribute(name, String(value));
        }
    }

    element.append(...children.filter((c): c is Node | string =>
        c !== false && c !== undefined && c !== null));

    return element;
}


/** One child of a list: made anew only when `sign` changes. */
export interface Item {
    key: string;
    sign: string;
    make(): HTMLElement;
}

/**
 * Makes a parent's children those of the list, touching only what differs: a
 * screen reader's log speaks of what is added, and nothing else.
 */
export function sync(parent: HTMLElement, shown: Map<string, Shown>,
    items: Item[]): void
{
    const wanted = new Set(items.map((item) => item.key));

    for (const [key, { element }] of shown) {
        if (!wanted.has(key)) {
            element.remove();
            shown.delete(key);
        }
    }

    let next: ChildNode | null = parent.firstChild;

    for (const item of items) {
        const old = shown.get(item.key);

        if (old?.sign === item.sign) {
            if (old.element === next) {
                next = next.nextSibling;
            } else {
                parent.insertBefore(old.element, next);
            }
            continue;
        }

        const element = item.make();

        if (old) {
            if (old.element === next) {
                next = next.nextSibling;
            }
            old.element.replaceWith(element);

        } else {
            element.classList.add('fresh');
        }

        parent.insertBefore(element, next);
        shown.set(item.key, { element, sign: item.sign });
    }
}

export interface Shown {
    element: HTMLElement;
    sign: string;
}
