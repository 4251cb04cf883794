// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps a live video near the edge: when it falls behind it is played a little faster, and only far
// behind it jumps.

const STEP = 250;         // ms between two looks
const MORE_AFTER_STALL = 0.25; // s that the target moves back when the video ran dry
const MOST_AFTER_STALLS = 2;   // s, at most

/**
 * What to do `behind` seconds behind the edge with `ahead` seconds to play. `settings`: {target,
 * start (behind it, faster), fastest (rate), jump (behind it, seek), reserve (less ahead: no
 * faster)}; `catching`: what the last answer was. Returns {rate, jump (whether to), catching}.
 */
export function decide({ behind, ahead }, settings, catching) {
  if (behind > settings.jump) return { rate: 1, jump: true, catching: false };
  const goesOn = ahead > settings.reserve &&
    (catching ? behind > settings.target : behind > settings.start);
  if (!goesOn) return { rate: 1, jump: false, catching: false };
  // The further behind the faster; in steps, so that the sound is not bent all the time.
  const wanted = 1 + (behind - settings.target) / 10;
  const rate = Math.min(settings.fastest, Math.max(1.02, Math.round(wanted * 50) / 50));
  return { rate, jump: false, catching: true };
}

export class CatchUp {
  #video;
  #look;
  #catching = false;
  #stalls = 0; // s added to the target

  /**
   * `look` returns {behind (s), ahead (s), settings, edge (where to jump to)}, or null while there
   * is nothing to be done.
   */
  constructor(video, look) {
    this.#video = video;
    this.#look = look;
    video.addEventListener('waiting', () => {
      // Only of a video that was close to the edge.
      const seen = this.#look();
      if (seen && seen.behind < seen.settings.start) {
        this.#stalls = Math.min(this.#stalls + MORE_AFTER_STALL, MOST_AFTER_STALLS);
      }
    });
    setInterval(() => this.#step(), STEP);
  }

  /** For another stream. */
  reset() {
    this.#stalls = 0;
    this.#catching = false;
    this.#setRate(1);
  }

  /** As they are now, a target that moved included; null while nothing is caught up with. */
  get settings() {
    const seen = this.#look();
    return seen && this.#moved(seen.settings);
  }

  #moved(settings) {
    return { ...settings, target: settings.target + this.#stalls,
      start: settings.start + this.#stalls };
  }

  #setRate(rate) {
    if (this.#video.playbackRate !== rate) this.#video.playbackRate = rate;
  }

  #step() {
    const seen = this.#look();
    if (!seen || this.#video.paused || this.#video.seeking) return;
    const { rate, jump, catching } = decide(seen, this.#moved(seen.settings), this.#catching);
    this.#catching = catching;
    this.#setRate(rate);
    if (jump && Number.isFinite(seen.edge)) this.#video.currentTime = seen.edge;
  }
}
