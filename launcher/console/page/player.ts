// SPDX-License-Identifier: LGPL-2.1-or-later
// Plays one live stream, the way that there is or was chosen, and keeps at it: through gaps,
// republishing and server restarts.
import { CatchUp, type CatchUpSettings, type Seen } from './catchup.js';
import { FLV_CATCH_UP, FlvEngine } from './flv.js';
import Hls, { type HlsConfig } from './hls.mjs';
import { RtcEngine, type Network, type RtcFailure } from './rtc.js';
import type { Stream } from './streams.js';
import { Transports, type Problem, type Transport } from './transports.js';
import type { Milliseconds, Seconds } from './units.js';

const STALL: Milliseconds = 6000;      // playback restarts after this time without progress
const RETRY_FIRST: Milliseconds = 500; // delay before the first retry, doubled up to RETRY_LAST
const RETRY_LAST: Milliseconds = 5000;
const FAR_BEHIND: Seconds = 12;        // behind the live edge; beyond it "Go to live" is offered
const LOSSES = 3;                      // WebRTC connections lost in a row, then the next transport…
const LOSSES_PLAYED = 5;               // … where it has played: the publisher may come back
const STEADY: Milliseconds = 10000;    // one that lasted this long does not count among them
const LEFT_OUT: Milliseconds = 30000;  // how long WebRTC is left out then
const ONLY_RETRY: Milliseconds = 10000; // between attempts where there is no other transport

const HLS_OPTIONS: Partial<HlsConfig> = {
  workerPath: '/assets/hls.worker.js',
  liveSyncDurationCount: 2,       // play two segments behind the live edge
  liveMaxLatencyDurationCount: 6, // further behind: seek
  maxLiveSyncPlaybackRate: 1,     // done by CatchUp
  liveDurationInfinity: true,
  backBufferLength: 30,
};

// `start` is behind what hls.js aims at, which goes by the segments' length.
const HLS_CATCH_UP: Pick<CatchUpSettings, 'start' | 'fastest' | 'reserve'> =
  { start: 0.5, fastest: 1.1, reserve: 1 };

// Low latency: media come in parts. The distance is kept by playback rate, and there is less of a
// reserve than a frame takes to be late.
const LOW_LATENCY_CATCH_UP: Pick<CatchUpSettings, 'start' | 'fastest' | 'reserve'> =
  { start: 0.08, fastest: 1.1, reserve: 0.15 };
const LOW_LATENCY_JUMP: Seconds = 2; // further behind the target: seek

/** blocked: the browser refuses to autoplay; ended: the publisher has left. */
export type State = 'idle' | 'connecting' | 'playing' | 'blocked' | 'ended' | 'error';

export class Player extends EventTarget {
  readonly #video: HTMLVideoElement;
  readonly #catchUp: CatchUp;
  readonly #native: boolean;
  readonly #transports: Transports;
  #rtc: RtcEngine | null = null;
  #hls: Hls | null = null;
  #flv: FlvEngine | null = null;
  #transport: Transport | null = null; // what was opened
  #trouble: string | null = null;      // why the only transport does not play
  #losses = 0;                         // of WebRTC connections in a row
  #hasPlayed = false;                  // this stream, over WebRTC
  #openedAt: Milliseconds = 0;
  #stream: Stream | null = null;
  #live = true; // as far as the server has said
  #lowLatency = false; // the playlist has parts
  #state: State = 'idle';
  #retry: Milliseconds = RETRY_FIRST;
  #retryTimer = 0;
  #progressAt: Milliseconds = 0;
  #position: Seconds = 0;
  #mediaErrorAt: Milliseconds = 0;

  /** `forceNative`: use the browser's own HLS even where hls.js would work. */
  constructor(video: HTMLVideoElement, { forceNative }: { forceNative: boolean }) {
    super();
    this.#video = video;
    const own = video.canPlayType('application/vnd.apple.mpegurl') !== '';
    this.#native = forceNative ? own : !Hls.isSupported() && own;
    this.#transports = new Transports({
      rtc: RtcEngine.playable,
      hls: this.#native || (!forceNative && Hls.isSupported()),
      flv: FlvEngine.playable,
    });
    video.addEventListener('timeupdate', () => this.#progress());
    video.addEventListener('playing', () => this.#progress());
    video.addEventListener('error', () => {
      if (this.#stream && !this.#rtc && !this.#flv && !this.#hls) this.#startOver();
    });
    video.addEventListener('ended', () => {
      if (this.#stream && !this.#rtc) this.#end();
    });
    // The server would go on sending for a while to a page that is gone.
    addEventListener('pagehide', () => this.#rtc?.destroy());
    addEventListener('pageshow', ({ persisted }) => {
      if (persisted && this.#rtc) this.#open();
    });
    this.#catchUp = new CatchUp(video, () => this.#place());
    setInterval(() => this.#watch(), 1000);
  }

  get state(): State { return this.#state; }
  /** What is played, or tried; null: this browser can't play the stream. */
  get transport(): Transport | null { return this.#transport; }
  /** The transports that this browser plays of the stream, the preferred one first. */
  get transports(): Transport[] {
    return this.#stream ? this.#transports.of(this.#stream.ways) : [];
  }
  /** What would be preferred and does not work now. */
  get problem(): Problem | null {
    if (!this.#stream) return null;
    if (this.#transport && this.#trouble !== null) {
      return { transport: this.#transport, reason: this.#trouble };
    }
    return this.#transports.problem(this.#stream.ways, this.#transport);
  }
  /** null: unknown, or not over WebRTC. */
  get network(): Network | null { return this.#rtc?.network ?? null; }

  /** Applies to this stream and later ones; another transport is used where it is unavailable.
   * null: the quickest. */
  use(transport: Transport | null): void {
    if (!this.#transports.want(transport) || !this.#stream) return;
    this.#retry = RETRY_FIRST;
    this.#losses = 0;
    if (this.#best() !== this.#transport) this.#open();
  }

  #forget(): void {
    this.#transports.forget();
    this.#losses = 0;
  }

  #best(): Transport | null {
    return this.#stream && this.#transports.best(this.#stream.ways, performance.now());
  }

  /** Distance from the live edge; null if unknown. */
  get latency(): Seconds | null {
    if (this.#rtc) return this.#rtc.latency;
    if (this.#flv) return this.#flv.latency;
    if (this.#hls && Number.isFinite(this.#hls.latency) && this.#hls.latency > 0) {
      return this.#hls.latency;
    }
    return null;
  }
  /** State of CatchUp, see catchup.ts; null where the browser keeps up by itself. */
  get catchUpSettings(): CatchUpSettings | null { return this.#catchUp.settings; }
  get farBehind(): boolean { return (this.latency ?? 0) > FAR_BEHIND; }

  play(stream: Stream): void {
    this.#live = stream.live;
    if (this.#stream?.name === stream.name) {
      // Another publisher may send what the one before did not.
      const isNew = this.#stream.since !== stream.since;
      const before = this.#best();
      if (isNew) this.#forget();
      this.#stream = stream;
      // The player was in an error state, a better transport is there, or this one is gone.
      const isGone = this.#transport !== null && !this.transports.includes(this.#transport);
      if (this.#best() !== before || isGone) this.#open();
      return;
    }
    this.stop();
    this.#forget();
    this.#hasPlayed = false;
    this.#stream = stream;
    this.#retry = RETRY_FIRST;
    this.#open();
  }

  stop(): void {
    this.#stream = null;
    this.#close();
    this.#setState('idle');
  }

  /** Handles the server's report of the stream: live again after a pause, or gone. */
  update(live: boolean): void {
    if (!this.#stream || this.#state === 'error') return;
    this.#live = live;
    if (!live && this.#stalled(1500)) {
      this.#setState('ended');
    } else if (live && this.#state === 'ended') {
      this.#retry = RETRY_FIRST;
      this.#open();
    }
  }

  retry(): void {
    if (!this.#stream || this.#state === 'error') return;
    this.#retry = RETRY_FIRST;
    if (this.#state === 'blocked') this.#start();
    else this.#open();
  }

  goLive(): void {
    const edge = (this.#flv ? this.#flv.edge : this.#hls?.liveSyncPosition) ?? NaN;
    if (Number.isFinite(edge)) this.#video.currentTime = edge;
    this.#start();
  }

  /** Playback position for CatchUp. */
  #place(): Seen | null {
    const behind = this.latency;
    if (behind === null || this.#state !== 'playing') return null;
    const { buffered, currentTime } = this.#video;
    const ahead = buffered.length ? buffered.end(buffered.length - 1) - currentTime : 0;
    if (this.#flv) return { behind, ahead, settings: FLV_CATCH_UP, edge: this.#flv.edge };
    if (!this.#hls) return null;
    const { targetLatency: target, maxLatency: jump, liveSyncPosition: edge } = this.#hls;
    if (target === null || !Number.isFinite(target) || !Number.isFinite(jump)) return null;
    const way = this.#lowLatency ? LOW_LATENCY_CATCH_UP : HLS_CATCH_UP;
    const settings = { ...way, target, start: target + way.start, jump };
    return { behind, ahead, settings, edge: edge ?? NaN };
  }

  #setState(state: State): void {
    if (state === this.#state) return;
    this.#state = state;
    this.dispatchEvent(new Event('state'));
  }

  #close(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = 0;
    this.#rtc?.destroy();
    this.#rtc = null;
    this.#hls?.destroy();
    this.#hls = null;
    this.#flv?.destroy();
    this.#flv = null;
    this.#video.srcObject = null;
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  #open(): void {
    const stream = this.#stream;
    if (!stream) return;
    // A playlist that outlives the stream would show its end once more.
    if (!this.#live) return this.#end();
    this.#close();
    this.#catchUp.reset();
    const transport = this.#best();
    this.#transport = transport;
    this.#trouble = null;
    if (!transport) return this.#setState('error');
    this.#setState('connecting');
    this.#progressAt = this.#openedAt = performance.now();
    this.#position = -1;
    const { rtc: endpoint, hls: playlist, flv: flvUrl, ts, plain } = stream.ways;
    if (transport === 'rtc' && endpoint) {
      const rtc = new RtcEngine(this.#video, endpoint, {
        ready: () => { if (rtc === this.#rtc) this.#start(); },
        failed: (failure) => { if (rtc === this.#rtc) this.#rtcFailed(failure); },
      });
      this.#rtc = rtc;
      return;
    }
    const direct = flvUrl ?? ts;
    if (transport === 'flv' && direct) {
      const flv = new FlvEngine(this.#video, direct, flvUrl ? 'flv' : 'mpegts', {
        ready: () => { if (flv === this.#flv) this.#start(); },
        failed: () => { if (flv === this.#flv) this.#startOver(); },
      });
      this.#flv = flv;
      return;
    }
    const own = transport === 'plain' ? plain : this.#native ? playlist : null;
    if (own) {
      this.#video.src = own;
      this.#start();
      return;
    }
    if (!playlist) return;
    const hls = new Hls(HLS_OPTIONS);
    this.#hls = hls;
    this.#lowLatency = false;
    hls.on(Hls.Events.MANIFEST_LOADED, (_, { levels }) => {
      // Before hls.js chooses where to begin: the server says how far behind the edge.
      const holdBack = levels.at(0)?.details?.partHoldBack ?? 0;
      if (holdBack <= 0 || hls !== this.#hls) return;
      this.#lowLatency = true;
      hls.config.liveSyncDuration = holdBack;
      hls.config.liveMaxLatencyDuration = holdBack + LOW_LATENCY_JUMP;
      hls.config.liveSyncOnStallIncrease = 0; // CatchUp moves the target
    });
    hls.on(Hls.Events.MANIFEST_PARSED, () => this.#start());
    hls.on(Hls.Events.ERROR, (_, data) => {
      if (!data.fatal || hls !== this.#hls) return;
      // New buffers usually recover a decoder from an error, but not if it fails twice in a row.
      const isFirst = performance.now() - this.#mediaErrorAt > 5000;
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR && isFirst) {
        this.#mediaErrorAt = performance.now();
        hls.recoverMediaError();
        this.#start();
      } else {
        this.#startOver();
      }
    });
    hls.loadSource(playlist);
    hls.attachMedia(this.#video);
  }

  async #start(): Promise<void> {
    try {
      await this.#video.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'NotAllowedError') {
        this.#setState('blocked');
      }
    }
  }

  /** All that there was is played. A stream that is back is opened by update(). */
  #end(): void {
    this.#close();
    this.#setState('ended');
  }

  #startOver(): void {
    if (!this.#live) return this.#end();
    if (this.#retryTimer) return;
    if (this.#state !== 'ended') this.#setState('connecting');
    this.#retryTimer = setTimeout(() => this.#open(), this.#retry);
    this.#retry = Math.min(this.#retry * 2, RETRY_LAST);
  }

  /** Tries again what may have been an accident, and the next transport otherwise. */
  #rtcFailed({ kind, reason, retryAfter }: RtcFailure): void {
    if (!this.#live) return this.#end();
    if (performance.now() - this.#openedAt > STEADY) this.#losses = 0;
    if (kind === 'away') return this.#startOver();
    const hasOther = this.transports.length > 1;
    const limit = this.#hasPlayed ? LOSSES_PLAYED : LOSSES;
    if (kind !== 'unfit' && (this.#losses += 1) < limit) return this.#startOver();
    this.#losses = 0;
    if (hasOther) {
      const pause = kind === 'unfit' ? retryAfter ?? Infinity : LEFT_OUT;
      this.#transports.leaveOut({ transport: 'rtc', reason }, performance.now() + pause);
      return this.#open();
    }
    this.#close();
    this.#trouble = reason;
    this.#retryTimer = setTimeout(() => this.#open(), retryAfter ?? ONLY_RETRY);
    this.#setState('error');
  }

  #stoodStill(): void {
    if (!this.#rtc) return this.#startOver();
    this.#rtc.destroy();
    this.#rtcFailed({ kind: 'lost', reason: 'the picture stands still', retryAfter: null });
  }

  #progress(): void {
    if (!this.#stream || this.#video.readyState < 2) return;
    if (this.#video.currentTime === this.#position) return;
    const first = this.#position < 0;
    this.#position = this.#video.currentTime;
    this.#progressAt = performance.now();
    if (first || this.#video.paused) return;
    if (this.#rtc) this.#hasPlayed = true;
    this.#retry = RETRY_FIRST;
    this.#setState('playing');
  }

  #stalled(time: Milliseconds): boolean { return performance.now() - this.#progressAt > time; }

  /** Once per second: reopens a stream that should play and makes no progress. */
  #watch(): void {
    if (!this.#stream || this.#retryTimer || document.hidden || this.#rtc?.begins) return;
    if (this.#state === 'playing' && this.#video.paused) {
      this.#progressAt = performance.now(); // paused by the viewer
    } else if (['playing', 'connecting'].includes(this.#state) && this.#stalled(STALL)) {
      this.#stoodStill();
    } else if (this.#state === 'playing' && this.#stalled(2500)) {
      this.#setState('connecting');
    }
  }
}
