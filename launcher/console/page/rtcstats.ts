// SPDX-License-Identifier: LGPL-2.1-or-later
// The figures that the page takes from a peer connection's statistics (W3C webrtc-stats).
import type { Milliseconds, Pixels, Seconds } from './units.js';

type Entry = Readonly<Record<string, unknown>>;

/** One kind of media that arrives; all values are sums since the beginning. */
interface Arrived {
  readonly packets: number;
  readonly lost: number;  // packets
  readonly frames: number; // decoded; 0 of audio
  /** Time that frames or samples were held before they were shown, and the number of those. */
  readonly held: Seconds;
  readonly played: number;
}

export interface Inbound {
  readonly roundTrip: Seconds | null; // null: unknown
  readonly video: Arrived;
  readonly audio: Arrived;
}

/** What is being sent; sums over the sizes of a simulcast. */
export interface Outbound {
  readonly at: Milliseconds;          // when this was so
  readonly roundTrip: Seconds | null; // null: unknown
  readonly bytes: number;             // sum since the beginning, of all media
  readonly width: Pixels;             // of the largest; 0: no video was encoded
  readonly height: Pixels;
  readonly rate: number;              // frames per second
  readonly codec: string;             // "H264"; empty: unknown
  readonly limitedBy: string;         // "cpu", "bandwidth"; empty: nothing
  readonly layers: number;            // sizes that are sent
}

const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function entriesOf(report: RTCStatsReport): Entry[] {
  const entries: Entry[] = [];
  report.forEach((entry: Entry) => entries.push(entry));
  return entries;
}

function roundTripOf(entries: readonly Entry[]): Seconds | null {
  const pair = entries.find((e) => e['type'] === 'candidate-pair' && e['nominated'] === true &&
    typeof e['currentRoundTripTime'] === 'number');
  return pair ? number(pair['currentRoundTripTime']) : null;
}

function arrived(entry: Entry | undefined): Arrived {
  if (!entry) return { packets: 0, lost: 0, frames: 0, held: 0, played: 0 };
  const frames = number(entry['framesDecoded']);
  const processing = number(entry['totalProcessingDelay']); // of video: from arrival to decoding
  return {
    packets: number(entry['packetsReceived']),
    lost: Math.max(0, number(entry['packetsLost'])), // duplicates count as less than none
    frames,
    held: processing || number(entry['jitterBufferDelay']),
    played: processing ? frames : number(entry['jitterBufferEmittedCount']),
  };
}

export function readInbound(report: RTCStatsReport): Inbound {
  const entries = entriesOf(report);
  const of = (kind: string): Arrived =>
    arrived(entries.find((e) => e['type'] === 'inbound-rtp' && e['kind'] === kind));
  return { roundTrip: roundTripOf(entries), video: of('video'), audio: of('audio') };
}

export function readOutbound(report: RTCStatsReport): Outbound {
  const entries = entriesOf(report);
  const sent = entries.filter((e) => e['type'] === 'outbound-rtp');
  const layers = sent.filter((e) => e['kind'] === 'video' && number(e['framesEncoded']) > 0)
    .sort((a, b) => number(b['frameHeight']) - number(a['frameHeight']));
  const largest = layers.at(0);
  const codec = entries.find((e) => e['type'] === 'codec' && e['id'] === largest?.['codecId']);
  const limit = text(largest?.['qualityLimitationReason']);
  return {
    at: Math.max(0, ...sent.map((e) => number(e['timestamp']))),
    roundTrip: roundTripOf(entries),
    bytes: sent.reduce((sum, e) => sum + number(e['bytesSent']), 0),
    width: number(largest?.['frameWidth']),
    height: number(largest?.['frameHeight']),
    rate: number(largest?.['framesPerSecond']),
    codec: text(codec?.['mimeType']).replace(/^video\//i, ''),
    limitedBy: limit === 'none' ? '' : limit,
    layers: layers.length,
  };
}
