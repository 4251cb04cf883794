// SPDX-License-Identifier: LGPL-2.1-or-later
// The panel beside a room's tiles, which shows one of its pages or is closed, and the short notes
// that pass over the tiles.
import type { Milliseconds } from './units.js';
import { make, part, setText } from './view.js';

export type PanelPage = 'chat' | 'people' | 'settings';

export const PANEL_PAGES: readonly PanelPage[] = ['chat', 'people', 'settings'];
export const PANEL_TITLES: Readonly<Record<PanelPage, string>> =
  { chat: 'Chat', people: 'People', settings: 'Settings' };
const SHOWN: Milliseconds = 5000; // how long a note stays
const MOST_NOTES = 3;

const $ = (id: string): HTMLElement => part(document, `#${id}`);

export class Panel {
  #page: PanelPage | null = null;
  readonly #changed: () => void;

  /** `changed`: another page is shown, or none. */
  constructor(changed: () => void) {
    this.#changed = changed;
    $('panel-close').addEventListener('click', () => this.close());
    for (const page of PANEL_PAGES) {
      const button = $(`tool-${page}`);
      button.setAttribute('aria-expanded', 'false');
      button.addEventListener('click', () => this.toggle(page));
    }
  }

  get page(): PanelPage | null { return this.#page; }

  toggle(page: PanelPage): void {
    if (this.#page === page) return this.close();
    this.#page = page;
    this.#show();
    const first = page === 'chat' ? $('chat-text') : $('panel-close');
    first.focus({ preventScroll: true });
  }

  close(): void {
    const before = this.#page;
    if (!before) return;
    const hadFocus = $('panel').contains(document.activeElement);
    this.#page = null;
    this.#show();
    if (hadFocus) $(`tool-${before}`).focus();
  }

  #show(): void {
    $('panel').hidden = !this.#page;
    $('meeting').toggleAttribute('data-panel', this.#page !== null);
    for (const page of PANEL_PAGES) {
      $(`page-${page}`).hidden = page !== this.#page;
      $(`tool-${page}`).setAttribute('aria-expanded', String(page === this.#page));
    }
    if (this.#page) setText($('panel-title'), PANEL_TITLES[this.#page]);
    this.#changed();
  }
}

/** Shows a note for a while. */
export function note(text: string): void {
  const list = $('toasts');
  const toast = make('p', 'toast', text);
  list.append(toast);
  while (list.children.length > MOST_NOTES) list.firstElementChild?.remove();
  setTimeout(() => toast.remove(), SHOWN);
}
