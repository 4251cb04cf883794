// SPDX-License-Identifier: LGPL-2.1-or-later
// Glass-to-glass latency: reads latencystamp's code from the frames that the <video> shows.
import { find, readAt } from './stampfinder.js';
import { CELLS } from './stampcode.js';

const SEARCH_WIDTH = 640;    // pixels to which a frame is scaled down to be searched
const SEARCH_EVERY = 400;    // ms between searches while there is no code…
const SEARCH_SELDOM = 2500;  // … and where there has been none for SEARCHES of them
const SEARCHES = 20;
const CELL = 6;              // pixels of a cell when its place is known
const WINDOW = 300;          // frames that the figures are of
const TOLERANCE = 0.005;     // s; what is below zero by more is a matter of clocks…
const LONGEST = 60;          // … and what is longer than this

const percentile = (sorted, share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];

/** Brightness of a region of the video, scaled. */
class Lens {
  #canvas = document.createElement('canvas');
  #context = this.#canvas.getContext('2d', { willReadFrequently: true });

  take(video, x, y, w, h, width, height) {
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#context.drawImage(video, x, y, w, h, 0, 0, width, height);
    const rgba = this.#context.getImageData(0, 0, width, height).data;
    const data = new Uint8Array(width * height);
    for (let i = 0; i < data.length; i += 1) data[i] = rgba[4 * i + 1]; // green: most of brightness
    return { data, width, height };
  }
}

/**
 * Has the <video> fire `latencyreading` for each frame whose code is read: detail {frame, source,
 * time (µs since 1970), latency (s), verdict: 'ok', 'clock' or 'repeated'}.
 */
export class GlassMeter {
  #video;
  #search = new Lens();
  #close = new Lens();
  #place = null;      // of the code, in the video's pixels
  #misses = 0;        // searches in a row that found nothing
  #searchAt = 0;
  #last = null;
  #latencies = [];
  #jumps = [];        // differences from one frame to the next
  #verdictAt = 0;
  #verdict = 'none';
  #counts = { read: 0, unreadable: 0, lost: 0, repeated: 0 };

  constructor(video) {
    this.#video = video;
    if (!('requestVideoFrameCallback' in video)) return;
    const next = (now, metadata) => {
      video.requestVideoFrameCallback(next);
      this.#frame(metadata);
    };
    video.requestVideoFrameCallback(next);
  }

  /** Forgets what it knows: another stream, or another way. */
  reset() {
    this.#place = null;
    this.#misses = 0;
    this.#searchAt = 0;
    this.#last = null;
    this.#latencies = [];
    this.#jumps = [];
    this.#verdict = 'none';
    this.#counts = { read: 0, unreadable: 0, lost: 0, repeated: 0 };
  }

  /**
   * Of the last seconds: {verdict: 'none' (no stamp), 'clock' or 'ok', and with that latency, p50,
   * p95, jitter (s)} and the counts read, unreadable, lost, repeated.
   */
  get figures() {
    if (this.#verdict !== 'none' && performance.now() - this.#verdictAt > 3000) this.#verdict = 'none';
    const figures = { verdict: this.#verdict, ...this.#counts };
    if (this.#verdict !== 'ok' || this.#latencies.length === 0) return figures;
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    const mean = (list) => (list.length ? list.reduce((a, b) => a + b) / list.length : 0);
    return { ...figures, latency: this.#latencies.at(-1), p50: percentile(sorted, 0.5),
      p95: percentile(sorted, 0.95), jitter: mean(this.#jumps) };
  }

  #frame(metadata) {
    const video = this.#video;
    const { videoWidth: width, videoHeight: height } = video;
    if (!width || !height) return;
    let stamp = null;
    try {
      stamp = this.#place ? this.#readClose(width, height) : null;
      stamp ??= this.#readAnywhere(width, height);
    } catch {
      return; // a frame that scripts may not see
    }
    if (!stamp) {
      if (this.#place) this.#counts.unreadable += 1;
      return;
    }
    // When the frame is to be on the display, by the clock of the day.
    const ahead = metadata.expectedDisplayTime - performance.now();
    this.#take(stamp, Date.now() + ahead);
  }

  /** A frame is read where the last one was; only that region is looked at. */
  #readClose(width, height) {
    const { left, right, top, bottom } = this.#place;
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

  #readAnywhere(width, height) {
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

  #take(stamp, shownAt) {
    const latency = shownAt / 1000 - stamp.time / 1e6;
    const last = this.#last;
    this.#last = stamp;
    this.#counts.read += 1;
    let verdict = latency < -TOLERANCE || latency > LONGEST ? 'clock' : 'ok';
    if (last && last.source === stamp.source && last.frame === stamp.frame) {
      this.#counts.repeated += 1;
      verdict = 'repeated';
    } else if (last && last.source === stamp.source && stamp.frame > last.frame) {
      this.#counts.lost += stamp.frame - last.frame - 1;
    }
    if (verdict !== 'repeated') {
      this.#verdict = verdict;
      this.#verdictAt = performance.now();
    }
    if (verdict === 'ok') {
      if (this.#latencies.length) this.#jumps.push(Math.abs(latency - this.#latencies.at(-1)));
      this.#latencies.push(Math.max(0, latency));
      while (this.#latencies.length > WINDOW) this.#latencies.shift();
      while (this.#jumps.length > WINDOW) this.#jumps.shift();
    }
    this.#video.dispatchEvent(new CustomEvent('latencyreading',
      { detail: { ...stamp, latency, verdict } }));
  }
}
