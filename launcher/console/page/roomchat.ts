// SPDX-License-Identifier: LGPL-2.1-or-later
// The text chat of a room. Everything in it is set as text, whatever it looks like.
import type { ChatLine } from './roomprotocol.js';
import { make, setText } from './view.js';

const TOGETHER = 5 * 60 * 1000; // ms within which lines of one person have one heading

const timeOf = (at: number): string =>
  new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

function makeLine(line: ChatLine, before: ChatLine | undefined, isMine: boolean): HTMLElement {
  const item = make('li', isMine ? 'mine' : '');
  const isSame = before && before.from === line.from && before.name === line.name &&
    line.at - before.at < TOGETHER;
  if (!isSame) {
    const head = make('p', 'chat-head');
    const author = isMine ? 'You' : line.name || 'Somebody';
    head.append(make('b', '', author), make('time', '', timeOf(line.at)));
    item.append(head);
  }
  item.append(make('p', 'chat-text', line.text));
  return item;
}

export class ChatView {
  readonly #list: HTMLElement;
  readonly #empty: HTMLElement;
  #lines: readonly ChatLine[] = [];
  #you = '';
  #unread = 0;

  constructor(list: HTMLElement, empty: HTMLElement) {
    this.#list = list;
    this.#empty = empty;
  }

  /** Lines that came since the chat was last seen. */
  get unread(): number { return this.#unread; }

  /** `isSeen`: the chat is open. */
  show(lines: readonly ChatLine[], you: string, isSeen: boolean): void {
    const known = new Set(this.#lines);
    const isContinued = you === this.#you && this.#lines.length > 0 &&
      lines.some((line) => known.has(line));
    const added = isContinued ? lines.filter((line) => !known.has(line)) : lines;
    if (isSeen) this.#unread = 0;
    else if (isContinued || this.#you === you) {
      this.#unread += added.filter(({ from }) => from !== you).length;
    }
    this.#you = you;
    if (added.length === 0 && lines.length === this.#lines.length) return;
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    const isAtEnd = scrollTop + clientHeight >= scrollHeight - 40;
    const first = lines.length - added.length;
    const items = added.map((line, i) => makeLine(line, lines[first + i - 1], line.from === you));
    if (isContinued) this.#list.append(...items);
    else this.#list.replaceChildren(...items);
    while (this.#list.children.length > lines.length) this.#list.firstElementChild?.remove();
    this.#lines = lines;
    this.#empty.hidden = lines.length > 0;
    if (isAtEnd || added.at(-1)?.from === you) this.toEnd();
  }

  toEnd(): void { this.#list.scrollTop = this.#list.scrollHeight; }

  /** A number of at most two digits for a button; empty: nothing is new. */
  showUnread(badge: HTMLElement): void {
    badge.hidden = this.#unread === 0;
    setText(badge, this.#unread > 99 ? '99' : String(this.#unread));
  }
}
