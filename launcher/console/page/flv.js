// SPDX-License-Identifier: LGPL-2.1-or-later
// HTTP-FLV through Media Source, by mpegts.js, which is loaded when it is first wanted.

const OPTIONS = {
  enableStashBuffer: false,     // what has come is shown
  lazyLoad: false,
  liveSync: false,              // CatchUp does that
  autoCleanupSourceBuffer: true,
  autoCleanupMaxBackwardDuration: 60, // s
  autoCleanupMinBackwardDuration: 30, // s
};

/** How it is kept near the edge, see catchup.js; seconds. */
export const FLV_CATCH_UP = { target: 0.5, start: 1.2, fastest: 1.1, jump: 6, reserve: 0.2 };

let loading = null;

/** The library, which is no module: it leaves itself in `window`. */
function load() {
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

export class FlvEngine {
  #video;
  #player = null;
  #gone = false;

  static get playable() { return 'MediaSource' in window; }

  /** `ready` when playing may begin, `failed` when this can't go on. */
  constructor(video, url, { ready, failed }) {
    this.#video = video;
    load().then((mpegts) => {
      if (this.#gone) return;
      this.#player = mpegts.createPlayer({ type: 'flv', isLive: true, url }, OPTIONS);
      this.#player.on(mpegts.Events.ERROR, failed);
      this.#player.on(mpegts.Events.LOADING_COMPLETE, failed);
      this.#player.attachMediaElement(video);
      this.#player.load();
      ready();
    }).catch(() => { if (!this.#gone) failed(); });
  }

  /** The newest position that has come; NaN before the first. */
  get edge() {
    const ranges = this.#video.buffered;
    return ranges.length ? ranges.end(ranges.length - 1) - 0.2 : NaN;
  }
  /** Seconds between what is shown and what has come; null if nothing has. */
  get latency() {
    const behind = this.edge + 0.2 - this.#video.currentTime;
    return Number.isFinite(behind) && behind >= 0 ? behind : null;
  }

  destroy() {
    this.#gone = true;
    this.#player?.destroy();
    this.#player = null;
  }
}
