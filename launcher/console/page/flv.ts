// SPDX-License-Identifier: LGPL-2.1-or-later
// FLV or MPEG-TS in one response or WebSocket, through Media Source, by mpegts.js, which is loaded when it is first
// wanted.
import type Mpegts from 'mpegts.js';
import type { CatchUpSettings } from './catchup.js';
import type { Seconds } from './units.js';

declare global {
  interface Window { readonly mpegts: typeof Mpegts }
}

const OPTIONS: Mpegts.Config = {
  enableStashBuffer: false,     // show data as soon as it arrives
  lazyLoad: false,
  liveSync: false,              // done by CatchUp
  autoCleanupSourceBuffer: true,
  autoCleanupMaxBackwardDuration: 60, // s
  autoCleanupMinBackwardDuration: 30, // s
};

export const FLV_CATCH_UP: CatchUpSettings =
  { target: 0.5, start: 1.2, fastest: 1.1, jump: 6, reserve: 0.2 };

const EDGE_MARGIN: Seconds = 0.2; // distance that a seek keeps from the newest data

let loading: Promise<typeof Mpegts> | null = null;

/**
 * Over https:// a WebSocket: a live stream is not sent over HTTP/2, and a browser that asked for it there would use
 * HTTP/1.1 for everything else on this address from then on.
 */
const liveUrl = (url: string): string => url.replace(/^https:/, 'wss:');

/** The library is not an ES module: it defines a global on `window`. */
function load(): Promise<typeof Mpegts> {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = '/assets/mpegts.js';
    script.onload = () => {
      window.mpegts.LoggingControl.enableAll = false;
      resolve(window.mpegts);
    };
    script.onerror = () => {
      loading = null;
      reject(new Error('mpegts.js does not load'));
    };
    document.head.append(script);
  });
  return loading;
}

interface FlvEvents {
  readonly ready: () => void;  // playback may begin
  readonly failed: () => void; // playback can't continue
}

export class FlvEngine {
  readonly #video: HTMLVideoElement;
  #player: Mpegts.Player | null = null;
  #gone = false;

  static get playable(): boolean { return 'MediaSource' in window; }

  constructor(video: HTMLVideoElement, url: string, type: 'flv' | 'mpegts',
    { ready, failed }: FlvEvents) {
    this.#video = video;
    load().then((mpegts) => {
      if (this.#gone) return;
      this.#player = mpegts.createPlayer({ type, isLive: true, url: liveUrl(url) }, OPTIONS);
      this.#player.on(mpegts.Events.ERROR, failed);
      this.#player.on(mpegts.Events.LOADING_COMPLETE, failed);
      this.#player.attachMediaElement(video);
      this.#player.load();
      ready();
    }).catch(() => { if (!this.#gone) failed(); });
  }

  /** The newest position received; NaN before the first. */
  get edge(): Seconds {
    const ranges = this.#video.buffered;
    return ranges.length ? ranges.end(ranges.length - 1) - EDGE_MARGIN : NaN;
  }
  /** Media received but not yet shown; null if nothing was received. */
  get latency(): Seconds | null {
    const behind = this.edge + EDGE_MARGIN - this.#video.currentTime;
    return Number.isFinite(behind) && behind >= 0 ? behind : null;
  }

  destroy(): void {
    this.#gone = true;
    this.#player?.destroy();
    this.#player = null;
  }
}
