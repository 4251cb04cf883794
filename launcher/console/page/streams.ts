// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks the server which streams are live, again and again, and for one that is made when asked for.
import type { Milliseconds, Pixels } from './units.js';
import { isPlayable } from './whip.js';

const INTERVAL: Milliseconds = 2000;  // poll interval
const TIMEOUT: Milliseconds = 5000;   // a silent server counts as gone after this
const PATIENCE: Milliseconds = 15000; // how long a stream started on demand may take to begin

/** URLs of a stream, by how it is played; at least one. */
export interface Ways {
  readonly rtc: string | null;   // the WHEP endpoint
  readonly hls: string | null;
  readonly flv: string | null;
  readonly ts: string | null;    // MPEG-TS in one response
  readonly plain: string | null; // anything that <video> plays by itself
}

export interface Stream {
  readonly name: string;
  readonly ways: Ways;
  readonly rtmp: boolean;      // RTMP players get it too
  readonly dash: string | null; // of the MPD, for DASH players
  readonly live: boolean;
  readonly since: Milliseconds | null;    // time at which it began, since 1970
  readonly offSince: Milliseconds | null; // when media last came, if it is not live
  readonly video: boolean;
  readonly audio: boolean;
  readonly width: Pixels;      // 0: unknown
  readonly height: Pixels;     // 0: unknown
  readonly watching: number;   // viewers over all protocols
}

/** A listener that accepts RTMP publishers. */
export interface RtmpServer {
  readonly host: string; // empty: this server
  readonly port: number;
  readonly key: boolean; // publishing needs a key
}

/** A listener that accepts WebRTC publishers (WHIP). */
export interface WebrtcServer {
  readonly key: boolean; // publishing needs a key
}

export interface Answer {
  readonly streams: readonly Stream[];
  readonly rtmp: readonly RtmpServer[];
  readonly rtc: readonly WebrtcServer[];
  readonly rooms: boolean; // there are rooms, at /room/NAME
}

type Entry = Readonly<Record<string, unknown>>;

const isEntry = (value: unknown): value is Entry => typeof value === 'object' && value !== null;
const entriesOf = (value: unknown): Entry[] => (Array.isArray(value) ? value.filter(isEntry) : []);
const natural = (value: unknown): number =>
  (typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : 0);

/** The URL of a path on this server. */
function urlOf(path: unknown): string | null {
  if (typeof path !== 'string') return null;
  const url = new URL(path, location.origin);
  return url.origin === location.origin ? url.href : null;
}

function timeOf(date: unknown): Milliseconds | null {
  const time = typeof date === 'string' ? Date.parse(date) : NaN;
  return Number.isNaN(time) ? null : time;
}

/** One entry of streams.json with all fields validated; none if it is unusable. */
function readStream(entry: Entry): Stream[] {
  const { name, rtc, hls, flv, ts, plain, rtmp, dash, live, since, off_since: offSince, video,
    audio, width, height, viewers } = entry;
  const ways: Ways = { rtc: urlOf(rtc), hls: urlOf(hls), flv: urlOf(flv), ts: urlOf(ts),
    plain: urlOf(plain) };
  if (typeof name !== 'string' || !Object.values(ways).some(Boolean)) return [];
  return [{
    name,
    ways,
    rtmp: rtmp === true,
    dash: urlOf(dash),
    live: live === true,
    since: timeOf(since),
    offSince: timeOf(offSince),
    video: video !== false,
    audio: audio !== false,
    width: natural(width),
    height: natural(height),
    watching: natural(viewers),
  }];
}

function readRtmp({ host, port, key }: Entry): RtmpServer[] {
  const number = natural(port);
  return typeof host === 'string' && number ? [{ host, port: number, key: key === true }] : [];
}

function readAnswer(answer: unknown): Answer {
  if (!isEntry(answer)) throw new Error('streams.json is no object');
  const { streams, rtmp, rtc, rooms } = answer;
  return {
    streams: entriesOf(streams).flatMap(readStream),
    rtmp: entriesOf(rtmp).flatMap(readRtmp),
    rtc: entriesOf(rtc).map(({ key }) => ({ key: key === true })),
    rooms: rooms === true,
  };
}

const pathOf = (name: string): string => name.split('/').map(encodeURIComponent).join('/');
/** Where a stream of this name is played over WebRTC, and where it is published. */
export const whepPath = (name: string): string => `/${pathOf(name)}/whep`;
export const whipPath = (name: string): string => `/${pathOf(name)}/whip`;

/**
 * Requests a stream that the server does not list, since it may be started on demand and is listed
 * from then on. Resolves to whether it exists; the server refuses unknown streams at once.
 */
export async function askFor(name: string): Promise<boolean> {
  const path = pathOf(name);
  const ways = [['GET', `/${path}/index.m3u8`], ['GET', `/${path}.m3u8`], ['HEAD', `/${path}.flv`]];
  for (const [method, url] of ways as [string, string][]) {
    try {
      const response = await fetch(url,
        { method, cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
      if (response.ok) return true;
    } catch {
      return false;
    }
  }
  return isPlayable(whepPath(name));
}

/**
 * Calls `onAnswer` with each answer and `onSilence` on each failure. Pauses while the page is
 * hidden. Returns a function that polls at once.
 */
export function watchStreams(onAnswer: (answer: Answer) => void, onSilence: () => void): () => void {
  let timer = 0;
  let asking = false;

  async function ask(): Promise<void> {
    if (asking) return;
    asking = true;
    clearTimeout(timer);
    try {
      const response = await fetch('/streams.json',
        { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT) });
      if (!response.ok) throw new Error(`status ${response.status}`);
      onAnswer(readAnswer(await response.json()));
    } catch {
      onSilence();
    } finally {
      asking = false;
      if (!document.hidden) timer = setTimeout(ask, INTERVAL);
    }
  }

  document.addEventListener('visibilitychange', () => { if (!document.hidden) ask(); });
  ask();
  return ask;
}
