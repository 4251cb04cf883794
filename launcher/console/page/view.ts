// SPDX-License-Identifier: LGPL-2.1-or-later
// The elements of the page that are made at run time. Names come from the network: they are only
// ever set as text.
import type { Row } from './delay.js';
import type { Stream } from './streams.js';
import type { Problem, Transport } from './transports.js';
import type { Milliseconds, Seconds } from './units.js';

/** Returns an element that index.html or this file has created. */
export function part(parent: ParentNode, selector: string): HTMLElement {
  const found = parent.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(`there is no ${selector}`);
  return found;
}

export function make<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, className = '',
  text?: string): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

export const setText = (element: Element, text: string): void => {
  if (element.textContent !== text) element.textContent = text;
};

/** "4 min", "2 h 05 min", "3 days" since `start`, which is since 1970; empty within the first. */
function duration(start: Milliseconds): string {
  const minutes = Math.max(0, Math.floor((Date.now() - start) / 60000));
  if (minutes < 1) return '';
  if (minutes < 60) return `${minutes} min`;
  if (minutes >= 48 * 60) return `${Math.floor(minutes / 1440)} days`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** "since 14:05 (3 min)"; empty if that is unknown. */
function sinceText(since: Milliseconds | null): string {
  if (since === null) return '';
  const at = new Date(since);
  const sameDay = at.toDateString() === new Date().toDateString();
  const text = sameDay ? at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    : at.toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
  const time = duration(since);
  return `since ${text}${time ? ` (${time})` : ''}`;
}

/** "Off air since 14:05 (3 min)". */
export const offAir = (since: Milliseconds | null): string => `Off air ${sinceText(since)}`.trim();

const badgeText = (live: boolean): string => (live ? 'LIVE' : 'OFF AIR');
const makeBadge = (live: boolean): HTMLElement =>
  make('span', live ? 'badge' : 'badge off', badgeText(live));

/** The known properties of a stream as short texts. */
function facts(stream: Stream): string[] {
  const known: string[] = [];
  if (stream.live && stream.since !== null) known.push(duration(stream.since) || 'just started');
  if (stream.live && stream.watching) known.push(`${stream.watching} watching`);
  return known;
}

const size = ({ width, height }: Stream): string => (width && height ? `${width} × ${height}` : '');

/** The same colour, from teal to violet, for the same name. */
export function hue(name: string): number {
  let sum = 7;
  for (const c of name) sum = (sum * 31 + (c.codePointAt(0) ?? 0)) % 9973;
  return 165 + (sum % 120);
}

function playIcon(): SVGElement {
  const ns = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(ns, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('width', '26');
  svg.setAttribute('height', '26');
  const path = document.createElementNS(ns, 'path');
  path.setAttribute('d', 'M6 4l14 8-14 8z');
  path.setAttribute('fill', 'currentColor');
  svg.append(path);
  return svg;
}

function makeCard(stream: Stream): HTMLElement {
  const item = make('li');
  const card = make('a', 'card');
  card.href = `#${stream.name}`;
  const tile = make('span', 'tile');
  tile.style.setProperty('--hue', String(hue(stream.name)));
  tile.setAttribute('aria-hidden', 'true');
  const play = make('span', 'play');
  play.append(playIcon());
  tile.append(make('span', 'badge'), make('span', 'size'), play);
  const text = make('span', 'card-text');
  text.append(make('span', 'name', stream.name), make('span', 'meta'));
  card.append(tile, text);
  item.append(card);
  item.dataset['name'] = stream.name;
  return item;
}

/** Updates the list in place, so that focus and scroll position are kept. */
export function showCards(list: Element, streams: readonly Stream[], current: string): void {
  const old = new Map(Array.from(list.querySelectorAll<HTMLElement>(':scope > li'),
    (item) => [item.dataset['name'], item]));
  streams.forEach((stream, index) => {
    const item = old.get(stream.name) ?? makeCard(stream);
    old.delete(stream.name);
    const badge = part(item, '.badge');
    badge.classList.toggle('off', !stream.live);
    setText(badge, badgeText(stream.live));
    const dimensions = part(item, '.size');
    setText(dimensions, size(stream));
    dimensions.hidden = !size(stream);
    const off = stream.live ? [] : [offAir(stream.offSince)];
    setText(part(item, '.meta'), [...off, ...facts(stream)].join(' · '));
    const card = part(item, '.card');
    if (stream.name === current) card.setAttribute('aria-current', 'true');
    else card.removeAttribute('aria-current');
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
  });
  for (const item of old.values()) item.remove();
}

/** The same for a stream that the server no longer lists. */
export function showOffAir(element: Element, since: Milliseconds | null): void {
  element.replaceChildren(makeBadge(false), make('span', '', sinceText(since)));
}

/** How far playback is from the newest data: no more than a part of the whole delay. */
const behind = (latency: Seconds): string =>
  (latency < 0.1 ? `${Math.round(latency * 1000)} ms` : `${latency.toFixed(1)} s`);

/** The line below the player's title. */
export function showFacts(element: Element, stream: Stream, latency: Seconds | null): void {
  const badge = makeBadge(stream.live);
  const off = stream.live ? '' : sinceText(stream.offSince);
  const texts = [off, size(stream), ...facts(stream)];
  if (latency !== null && stream.live) texts.push(`${behind(latency)} behind the newest data`);
  element.replaceChildren(badge, ...texts.filter(Boolean).map((text) => make('span', '', text)));
}

/** How a stream is played: what there is to choose from, and why it is not what comes first. */
export interface Played {
  readonly transports: readonly Transport[];
  readonly transport: Transport | null;
  readonly problem: Problem | null;
}

const LABELS: Readonly<Partial<Record<Transport, string>>> =
  { rtc: 'WebRTC', hls: 'HLS', flv: 'FLV' };

/** Shows the switch between the transports, and beside it why one is not used. */
export function showTransports(group: HTMLElement, note: HTMLElement,
  { transports, transport, problem }: Played): void {
  group.hidden = transports.filter((one) => one in LABELS).length < 2;
  for (const choice of group.querySelectorAll('input')) {
    const label = choice.closest('label');
    if (label) label.hidden = !transports.some((one) => one === choice.value);
    choice.checked = choice.value === transport;
  }
  note.hidden = group.hidden || !problem;
  if (!problem || note.hidden) return;
  setText(note, `${LABELS[problem.transport]} does not play: ${problem.reason}.`);
}

export async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = make('textarea'); // pages over plain http have no clipboard API
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

/** Puts text into `target` (a pre or code in a .line) and adds a copy button. On a narrow screen a
 * line ends between words, not behind the dash of an option. */
export function copyable(target: Element, text: string): void {
  if (target.textContent !== text) {
    target.replaceChildren(...text.split(/( )/).map((part) =>
      part === ' ' ? part : make('span', 'word', part)));
  }
  if (target.nextElementSibling) return;
  const button = make('button', 'copy', 'Copy');
  button.type = 'button';
  button.addEventListener('click', async () => {
    try {
      await copy(target.textContent);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Select it';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  });
  target.after(button);
}

/** A list of addresses to copy. */
export function showAddresses(list: HTMLElement, rows: readonly Row[]): void {
  const key = JSON.stringify(rows);
  if (list.dataset['key'] === key) return;
  list.dataset['key'] = key;
  list.replaceChildren(...rows.flatMap(([what, address]) => {
    const line = make('dd', 'line');
    const code = make('code');
    line.append(code);
    copyable(code, address);
    return [make('dt', '', what), line];
  }));
}
