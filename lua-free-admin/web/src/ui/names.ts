import type { DialogView } from '../../../../client/src/index.ts';
import { t } from '../i18n/index.ts';


/** The visitor's name, or a short stable one. */
export function visitorName(view: DialogView): string {
    return view.name || t('visitor',
        { id: view.visitor.replace(/[^a-z0-9]/gi, '').slice(0, 4).toUpperCase()
            || view.id.slice(-4) });
}
