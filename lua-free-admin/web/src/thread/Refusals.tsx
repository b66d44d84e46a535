/*
 * What was not taken, and the words of it: they can be had back.
 */

import type { Desk, Refusal } from '../desk.ts';
import { t } from '../i18n/index.ts';
import { Icon } from '../ui/Icon.tsx';


export function Refusals({ desk, list }: { desk: Desk; list: Refusal[] }) {
    return <>
        {list.map((r) => <div class="refusal" role="alert" key={r.key}>
            <Icon name="warn" />
            <span>{t('refused', { text: r.text })}
                {r.draft ? <q>{r.draft}</q> : null}</span>
            <button onClick={() => desk.dismiss(r.key)}>{t('dismiss')}</button>
        </div>)}
    </>;
}
