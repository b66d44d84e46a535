import { render } from 'preact';

import { App } from './App.tsx';
import './ui/theme.ts';


render(<App />, document.getElementById('app')!);
