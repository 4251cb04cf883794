// SPDX-License-Identifier: LGPL-2.1-or-later
// Figures of a room's connection: rates, sizes and losses of what is sent and received.
import type { Milliseconds } from './units.js';

type Entry = Readonly<Record<string, unknown>>;

/** Sums since the beginning, except `sizes` and the round trip. */
export interface Traffic {
  readonly at: Milliseconds;
  readonly roundTrip: Milliseconds | null; // null: unknown
  readonly sent: number;     // bytes
  readonly received: number; // bytes
  readonly packets: number;  // that arrived
  readonly lost: number;     // that did not
  readonly sizes: readonly string[]; // of the camera and the screen, as they are sent now
  readonly videos: number;   // that are received now
}

const number = (value: unknown): number => (typeof value === 'number' ? value : 0);

export function readTraffic(report: RTCStatsReport): Traffic {
  const entries: Entry[] = [];
  report.forEach((entry: Entry) => entries.push(entry));
  const of = (type: string): Entry[] => entries.filter((entry) => entry['type'] === type);
  const sum = (list: readonly Entry[], key: string): number =>
    list.reduce((total, entry) => total + number(entry[key]), 0);
  const [inbound, outbound] = [of('inbound-rtp'), of('outbound-rtp')];
  const pair = of('candidate-pair').find((one) => one['nominated'] === true &&
    typeof one['currentRoundTripTime'] === 'number');
  return {
    at: Math.max(0, ...[...inbound, ...outbound].map((entry) => number(entry['timestamp']))),
    roundTrip: pair ? number(pair['currentRoundTripTime']) * 1000 : null,
    sent: sum(outbound, 'bytesSent'),
    received: sum(inbound, 'bytesReceived'),
    packets: sum(inbound, 'packetsReceived'),
    lost: Math.max(0, sum(inbound, 'packetsLost')), // duplicates count as less than none
    sizes: outbound.filter((entry) => number(entry['framesPerSecond']) > 0)
      .sort((a, b) => number(b['frameHeight']) - number(a['frameHeight']))
      .map((entry) => `${number(entry['frameWidth'])} × ${number(entry['frameHeight'])}`),
    videos: inbound.filter((entry) => number(entry['framesPerSecond']) > 0).length,
  };
}

const bits = (rate: number): string =>
  (rate < 1e6 ? `${Math.round(rate / 1000)} kbit/s` : `${(rate / 1e6).toFixed(1)} Mbit/s`);

/** The lines to show; `before`: an earlier reading of the same connection. */
export function figureRows(now: Traffic, before: Traffic | null):
(readonly [what: string, value: string])[] {
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  const rate = (key: 'sent' | 'received'): string =>
    (before && seconds > 0 ? bits((now[key] - before[key]) * 8 / seconds) : '–');
  const all = before ? now.packets - before.packets + now.lost - before.lost : 0;
  const lost = before && all > 0 ? Math.max(0, now.lost - before.lost) / all : 0;
  return [
    ['Round trip', now.roundTrip === null ? '–' : `${Math.round(now.roundTrip)} ms`],
    ['Sent', rate('sent')],
    ['Sizes sent', now.sizes.join(', ') || 'none'],
    ['Received', `${rate('received')}, ${now.videos} ${now.videos === 1 ? 'picture' : 'pictures'}`],
    ['Lost', `${(lost * 100).toFixed(1)} %`],
  ];
}
