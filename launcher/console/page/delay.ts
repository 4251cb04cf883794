// SPDX-License-Identifier: LGPL-2.1-or-later
// The page's words about latency.
import type { CatchUpSettings } from './catchup.js';
import type { Figures } from './glass.js';
import type { Network } from './rtc.js';
import type { Seconds } from './units.js';

const ms = (seconds: Seconds): string => `${Math.round(seconds * 1000)} ms`;
const s = (seconds: Seconds): string => `${seconds.toFixed(1)} s`;

/** A label and its text. */
export type Row = readonly [what: string, text: string];

/** The player's values; null: unknown. */
export interface Playback {
  readonly latency: Seconds | null;
  readonly catchUpSettings: CatchUpSettings | null;
  readonly network: Network | null; // of WebRTC
}

/** The line under the title; empty without a stamp. */
export function glassLine(figures: Figures): string {
  if (figures.verdict === 'clock') return 'Glass to glass: the clocks differ';
  return figures.verdict === 'ok' ? `Glass to glass ${ms(figures.p50)}` : '';
}

function glassRow(figures: Figures): string {
  if (figures.verdict === 'clock') {
    return 'The clock of this machine and the one of the stamp differ: set both by NTP.';
  }
  if (figures.verdict !== 'ok') return 'No stamp in the picture (latencystamp draws one)';
  return `${ms(figures.latency)}; median ${ms(figures.p50)}, 95 % within ${ms(figures.p95)}, ` +
    `jitter ${ms(figures.jitter)}`;
}

function catchUpRow(settings: CatchUpSettings | null): string {
  if (!settings) return 'Left to the browser';
  return `Up to ${settings.fastest}× from ${s(settings.start)} behind, until ` +
    `${s(settings.target)}; beyond ${s(settings.jump)} it jumps`;
}

function networkRow({ roundTrip, received, lost }: Network): string {
  const packets = `${lost} of ${received + lost} packets lost`;
  return roundTrip === null ? packets : `Round trip ${ms(roundTrip)}, ${packets}`;
}

export function delayRows(figures: Figures, playback: Playback, rate: number): Row[] {
  const rows: Row[] = [['Glass to glass', glassRow(figures)]];
  if (figures.read) {
    rows.push(['Frames with a stamp', `${figures.read} read, ${figures.unreadable} unreadable, ` +
      `${figures.lost} left out, ${figures.repeated} repeated`]);
  }
  const { latency, catchUpSettings, network } = playback;
  const length = latency !== null && latency < 0.1 ? ms : s;
  rows.push(['Behind the newest data', latency === null ? 'Unknown' : length(latency)]);
  if (network) rows.push(['Network', networkRow(network)]);
  rows.push(['Playing at', `${rate.toFixed(2)}×`]);
  rows.push(['Catching up', catchUpRow(catchUpSettings)]);
  return rows;
}

/** Updates a <dl> in place. */
export function showRows(list: Element, rows: readonly Row[]): void {
  while (list.children.length > 2 * rows.length) list.lastElementChild?.remove();
  rows.forEach(([what, text], i) => {
    const term = list.children[2 * i] ?? list.appendChild(document.createElement('dt'));
    const said = list.children[2 * i + 1] ?? list.appendChild(document.createElement('dd'));
    if (term.textContent !== what) term.textContent = what;
    if (said.textContent !== text) said.textContent = text;
  });
}
