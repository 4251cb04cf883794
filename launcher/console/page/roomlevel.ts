// SPDX-License-Identifier: LGPL-2.1-or-later
// The level of one's own microphone.
import type { Milliseconds } from './units.js';

const LOOK: Milliseconds = 80;   // interval between readings
const FLOOR = -60;               // dBFS that is shown as nothing
const SPEECH = 0.4;              // level above which somebody speaks
const HELD: Milliseconds = 400;  // so long it has to be above to count

/** Reads a track's level until it is given another; costs nothing without one. */
export class LevelMeter {
  readonly #show: (level: number, speaks: boolean) => void;
  #context: AudioContext | null = null;
  #source: MediaStreamAudioSourceNode | null = null;
  #timer = 0;
  #loudSince: Milliseconds | null = null;

  /** `show`: gets levels of 0 to 1, which are steps of loudness, not of amplitude. */
  constructor(show: (level: number, speaks: boolean) => void) {
    this.#show = show;
  }

  read(track: MediaStreamTrack | null): void {
    clearInterval(this.#timer);
    this.#source?.disconnect();
    this.#source = null;
    this.#loudSince = null;
    this.#show(0, false);
    if (!track) return;
    const context = this.#context ??= new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    this.#source = context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      // Browsers start it only after the user has touched the page.
      if (context.state === 'suspended' && navigator.userActivation.hasBeenActive) {
        context.resume().catch(() => { /* it is tried again */ });
      }
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const level = Math.min(1, Math.max(0, 1 - 10 * Math.log10(power + 1e-10) / FLOOR));
      const now = performance.now();
      this.#loudSince = level < SPEECH ? null : this.#loudSince ?? now;
      this.#show(level, this.#loudSince !== null && now - this.#loudSince >= HELD);
    }, LOOK);
  }
}
