// SPDX-License-Identifier: LGPL-2.1-or-later
// Glass-to-glass latency: reads latencystamp's code from the frames that the <video> shows.
import { find, readAt, type Picture, type Place } from './stampfinder.js';
import { CELLS, type Stamp } from './stampcode.js';
import type { Milliseconds, Pixels, Seconds } from './units.js';

const SEARCH_WIDTH: Pixels = 640;         // frames are scaled down to this width for the search
const SEARCH_EVERY: Milliseconds = 400;   // between searches while there is no code…
const SEARCH_SELDOM: Milliseconds = 2500; // … and where there has been none for SEARCHES of them
const SEARCHES = 20;
const CELL: Pixels = 6;                   // pixels per cell once the position is known
const WINDOW = 300;                       // number of frames in the statistics
const TOLERANCE: Seconds = 0.005;         // more negative values are caused by clock differences…
const LONGEST: Seconds = 60;              // … and so are values above this
const FRESH: Milliseconds = 3000;         // statistics need a stamp read within this time

/** The result of reading one frame. */
export interface Reading extends Stamp {
  readonly latency: Seconds;
  readonly verdict: 'ok' | 'clock' | 'repeated';
}

declare global {
  interface HTMLVideoElementEventMap { latencyreading: CustomEvent<Reading> }
}

/** Statistics over frames. */
interface Counts {
  readonly read: number;
  readonly unreadable: number;
  readonly lost: number;
  readonly repeated: number;
}

interface Latencies {
  readonly latency: Seconds; // of the latest frame
  readonly p50: Seconds;
  readonly p95: Seconds;
  readonly jitter: Seconds;
}

/** Statistics of the latest frames; 'none': no stamp. */
export type Figures = Counts &
  ({ readonly verdict: 'none' | 'clock' } | { readonly verdict: 'ok' } & Latencies);

const percentile = (sorted: readonly Seconds[], share: number): Seconds =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
const mean = (list: readonly Seconds[]): Seconds =>
  (list.length ? list.reduce((a, b) => a + b) / list.length : 0);

/** Brightness of a scaled region of the video. */
class Lens {
  readonly #canvas = document.createElement('canvas');
  readonly #context = this.#canvas.getContext('2d', { willReadFrequently: true });

  take(video: HTMLVideoElement, x: Pixels, y: Pixels, w: Pixels, h: Pixels, width: Pixels,
    height: Pixels): Picture {
    if (!this.#context) throw new Error('there is no 2D canvas');
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#context.drawImage(video, x, y, w, h, 0, 0, width, height);
    const rgba = this.#context.getImageData(0, 0, width, height).data;
    const data = new Uint8Array(width * height);
    // Green approximates brightness.
    for (let i = 0; i < data.length; i += 1) data[i] = rgba[4 * i + 1];
    return { data, width, height };
  }
}

/** Measurements of one stream over one transport. */
class Measured {
  #last: Stamp | null = null;
  readonly #latencies: Seconds[] = [];
  readonly #jumps: Seconds[] = []; // differences between consecutive frames
  #verdict: 'none' | 'clock' | 'ok' = 'none';
  #verdictAt: Milliseconds = 0;
  readonly #counts = { read: 0, unreadable: 0, lost: 0, repeated: 0 };

  get figures(): Figures {
    const fresh = performance.now() - this.#verdictAt <= FRESH;
    const verdict = fresh ? this.#verdict : 'none';
    const latency = this.#latencies.at(-1);
    if (verdict !== 'ok') return { verdict, ...this.#counts };
    if (latency === undefined) return { verdict: 'none', ...this.#counts };
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    return { verdict, ...this.#counts, latency, p50: percentile(sorted, 0.5),
      p95: percentile(sorted, 0.95), jitter: mean(this.#jumps) };
  }

  unreadable(): void { this.#counts.unreadable += 1; }

  /** `shownAt`: time since 1970. */
  take(stamp: Stamp, shownAt: Milliseconds): Reading {
    const latency: Seconds = shownAt / 1000 - stamp.time / 1e6;
    const last = this.#last?.source === stamp.source ? this.#last : null;
    this.#last = stamp;
    this.#counts.read += 1;
    if (last && stamp.frame > last.frame) this.#counts.lost += stamp.frame - last.frame - 1;
    if (last?.frame === stamp.frame) {
      this.#counts.repeated += 1;
      return { ...stamp, latency, verdict: 'repeated' };
    }
    this.#verdict = latency < -TOLERANCE || latency > LONGEST ? 'clock' : 'ok';
    this.#verdictAt = performance.now();
    if (this.#verdict === 'ok') this.#add(latency);
    return { ...stamp, latency, verdict: this.#verdict };
  }

  #add(latency: Seconds): void {
    const before = this.#latencies.at(-1);
    if (before !== undefined) this.#jumps.push(Math.abs(latency - before));
    this.#latencies.push(Math.max(0, latency));
    while (this.#latencies.length > WINDOW) this.#latencies.shift();
    while (this.#jumps.length > WINDOW) this.#jumps.shift();
  }
}

/** Dispatches `latencyreading` on the <video> for each frame whose code is read. */
export class GlassMeter {
  readonly #video: HTMLVideoElement;
  readonly #search = new Lens();
  readonly #close = new Lens();
  #place: Place | null = null; // position of the code in video pixels
  #misses = 0;                 // consecutive searches without a result
  #searchAt: Milliseconds = 0;
  #measured = new Measured();

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    if (!('requestVideoFrameCallback' in video)) return;
    const next: VideoFrameRequestCallback = (_, metadata) => {
      video.requestVideoFrameCallback(next);
      this.#frame(metadata);
    };
    video.requestVideoFrameCallback(next);
  }

  /** Resets for another stream or transport. */
  reset(): void {
    this.#place = null;
    this.#misses = 0;
    this.#searchAt = 0;
    this.#measured = new Measured();
  }

  get figures(): Figures { return this.#measured.figures; }

  #frame(metadata: VideoFrameCallbackMetadata): void {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (!width || !height) return;
    let stamp: Stamp | null = null;
    try {
      stamp = this.#place && this.#readClose(this.#place, width, height);
      stamp ??= this.#readAnywhere(width, height);
    } catch {
      return; // a cross-origin frame
    }
    if (!stamp) {
      if (this.#place) this.#measured.unreadable();
      return;
    }
    // Wall-clock time at which the frame is expected on the display.
    const ahead: Milliseconds = metadata.expectedDisplayTime - performance.now();
    const detail = this.#measured.take(stamp, Date.now() + ahead);
    this.#video.dispatchEvent(new CustomEvent<Reading>('latencyreading', { detail }));
  }

  /** Reads a frame at the position of the previous code; only that region is scanned. */
  #readClose({ left, right, top, bottom }: Place, width: Pixels, height: Pixels): Stamp | null {
    const [cellWidth, cellHeight] = [(right - left) / CELLS.width, (bottom - top) / CELLS.rows];
    const [x, y] = [Math.max(0, left - cellWidth), Math.max(0, top - cellHeight)];
    const w = Math.min(width, right + cellWidth) - x;
    const h = Math.min(height, bottom + cellHeight) - y;
    const [scaleX, scaleY] = [CELL / cellWidth, CELL / cellHeight];
    const picture = this.#close.take(this.#video, x, y, w, h, Math.round(w * scaleX),
      Math.round(h * scaleY));
    return readAt(picture, { left: (left - x) * scaleX, right: (right - x) * scaleX,
      top: (top - y) * scaleY, bottom: (bottom - y) * scaleY });
  }

  #readAnywhere(width: Pixels, height: Pixels): Stamp | null {
    const now = performance.now();
    if (now < this.#searchAt) return null;
    this.#searchAt = now + (this.#misses < SEARCHES ? SEARCH_EVERY : SEARCH_SELDOM);
    const scale = Math.min(1, SEARCH_WIDTH / width);
    const picture = this.#search.take(this.#video, 0, 0, width, height, Math.round(width * scale),
      Math.round(height * scale));
    const found = find(picture);
    if (!found) {
      this.#misses += 1;
      if (this.#misses >= SEARCHES) this.#place = null;
      return null;
    }
    this.#misses = 0;
    this.#searchAt = 0;
    const { left, right, top, bottom } = found.place;
    this.#place = { left: left / scale, right: right / scale, top: top / scale,
      bottom: bottom / scale };
    return found.stamp;
  }
}
