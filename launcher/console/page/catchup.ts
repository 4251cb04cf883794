// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps a live video near the edge: when it falls behind it is played a little faster, and only far
// behind it jumps.
import type { Milliseconds, Seconds } from './units.js';

const STEP: Milliseconds = 250; // interval between checks
const MORE_AFTER_STALL: Seconds = 0.25; // added to the target distance after a stall
const MOST_AFTER_STALLS: Seconds = 2;   // upper limit of these additions

/** Limits for keeping up with the live edge; distances from the edge. */
export interface CatchUpSettings {
  readonly target: Seconds;
  readonly start: Seconds;   // above this: play faster
  readonly fastest: number;  // maximum playback rate
  readonly jump: Seconds;    // above this: seek
  readonly reserve: Seconds; // buffered media below this: do not play faster
}

/** The playback position. */
export interface Distance {
  readonly behind: Seconds;
  readonly ahead: Seconds; // buffered media ahead of it
}

/** Properties of the live stream to keep up with. */
export interface Seen extends Distance {
  readonly settings: CatchUpSettings;
  readonly edge: Seconds; // where to seek to; NaN while unknown
}

export interface Decision {
  readonly rate: number;
  readonly jump: boolean;
  readonly catching: boolean;
}

/** Decides what to do; `catching` is the previous decision. */
export function decide({ behind, ahead }: Distance, settings: CatchUpSettings,
  catching: boolean): Decision {
  if (behind > settings.jump) return { rate: 1, jump: true, catching: false };
  const goesOn = ahead > settings.reserve &&
    (catching ? behind > settings.target : behind > settings.start);
  if (!goesOn) return { rate: 1, jump: false, catching: false };
  // The rate grows with the distance, in steps to limit changes of the audio's speed.
  const wanted = 1 + (behind - settings.target) / 10;
  const rate = Math.min(settings.fastest, Math.max(1.02, Math.round(wanted * 50) / 50));
  return { rate, jump: false, catching: true };
}

export class CatchUp {
  readonly #video: HTMLVideoElement;
  readonly #look: () => Seen | null;
  #catching = false;
  #stalls: Seconds = 0; // added to the target

  /** `look` returns null while there is nothing to do. */
  constructor(video: HTMLVideoElement, look: () => Seen | null) {
    this.#video = video;
    this.#look = look;
    video.addEventListener('waiting', () => {
      // Only counts for a video that was close to the edge.
      const seen = this.#look();
      if (seen && seen.behind < seen.settings.start) {
        this.#stalls = Math.min(this.#stalls + MORE_AFTER_STALL, MOST_AFTER_STALLS);
      }
    });
    setInterval(() => this.#step(), STEP);
  }

  /** Resets for another stream. */
  reset(): void {
    this.#stalls = 0;
    this.#catching = false;
    this.#setRate(1);
  }

  /** Current values, including the adjusted target; null while inactive. */
  get settings(): CatchUpSettings | null {
    const seen = this.#look();
    return seen && this.#moved(seen.settings);
  }

  #moved(settings: CatchUpSettings): CatchUpSettings {
    return { ...settings, target: settings.target + this.#stalls,
      start: settings.start + this.#stalls };
  }

  #setRate(rate: number): void {
    if (this.#video.playbackRate !== rate) this.#video.playbackRate = rate;
  }

  #step(): void {
    const seen = this.#look();
    if (!seen || this.#video.paused || this.#video.seeking) return;
    const { rate, jump, catching } = decide(seen, this.#moved(seen.settings), this.#catching);
    this.#catching = catching;
    this.#setRate(rate);
    if (jump && Number.isFinite(seen.edge)) this.#video.currentTime = seen.edge;
  }
}
