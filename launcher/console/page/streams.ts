// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks the server which streams are live, again and again, and for one that is made when asked for.
import type { Milliseconds, Pixels } from './units.js';

const INTERVAL: Milliseconds = 2000;  // poll interval
const TIMEOUT: Milliseconds = 5000;   // a silent server counts as gone after this
const PATIENCE: Milliseconds = 15000; // how long a stream started on demand may take to begin

export interface Stream {
  readonly name: string;
  readonly hls: string;        // URL
  readonly flv: string | null; // URL with lower latency; not available on every server
  readonly live: boolean;
  readonly since: Milliseconds | null; // time at which it began, since 1970
  readonly video: boolean;
  readonly audio: boolean;
  readonly width: Pixels;      // 0: unknown
  readonly height: Pixels;     // 0: unknown
  readonly watching: number;   // viewers over RTMP and HTTP
}

/** A listener that accepts RTMP publishers. */
export interface RtmpServer {
  readonly host: string; // empty: this server
  readonly port: number;
  readonly key: boolean; // publishing needs a key
}

export interface Answer {
  readonly streams: readonly Stream[];
  readonly rtmp: readonly RtmpServer[];
}

type Entry = Readonly<Record<string, unknown>>;

const isEntry = (value: unknown): value is Entry => typeof value === 'object' && value !== null;
const entriesOf = (value: unknown): Entry[] => (Array.isArray(value) ? value.filter(isEntry) : []);
const natural = (value: unknown): number =>
  (typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : 0);

/** One entry of streams.json with all fields validated; none if it is unusable. */
function readStream(entry: Entry): Stream[] {
  const { name, hls: path, flv: flvPath, live, since, video, audio, width, height, players, viewers } =
    entry;
  if (typeof name !== 'string' || typeof path !== 'string') return [];
  const hls = new URL(path, location.origin);
  if (hls.origin !== location.origin) return [];
  const flv = typeof flvPath === 'string' ? new URL(flvPath, location.origin) : null;
  const start = typeof since === 'string' ? Date.parse(since) : NaN;
  return [{
    name,
    hls: hls.href,
    flv: flv?.origin === location.origin ? flv.href : null,
    live: live === true,
    since: Number.isNaN(start) ? null : start,
    video: video !== false,
    audio: audio !== false,
    width: natural(width),
    height: natural(height),
    watching: natural(players) + natural(viewers),
  }];
}

function readRtmp({ host, port, key }: Entry): RtmpServer[] {
  const number = natural(port);
  return typeof host === 'string' && number ? [{ host, port: number, key: key === true }] : [];
}

function readAnswer(answer: unknown): Answer {
  if (!isEntry(answer)) throw new Error('streams.json is no object');
  const { streams, rtmp } = answer;
  return { streams: entriesOf(streams).flatMap(readStream), rtmp: entriesOf(rtmp).flatMap(readRtmp) };
}

/**
 * Requests the playlist of a stream that the server does not list, since it may be started on
 * demand and is listed from then on. Resolves to whether it exists; the server refuses unknown
 * streams at once.
 */
export async function askFor(name: string): Promise<boolean> {
  const path = name.split('/').map(encodeURIComponent).join('/');
  for (const playlist of [`/${path}/index.m3u8`, `/${path}.m3u8`]) {
    try {
      const response = await fetch(playlist,
        { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
      if (response.ok) return true;
    } catch {
      return false;
    }
  }
  return false;
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
