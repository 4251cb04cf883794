// SPDX-License-Identifier: LGPL-2.1-or-later
// The participant's own media: which of microphone, camera and screen is on, and the track of each.
import { Capture, type CaptureChoice } from './roomcapture.js';
import type { Source } from './roomprotocol.js';

export class OwnMedia {
  readonly #capture: Capture;
  readonly #choice: () => CaptureChoice;
  readonly #changed: () => void;
  /** A muted microphone stays open, so that it is there at once, and tells who speaks unheard. */
  #isMuted = false;
  #pending = 0; // openings that are not done
  #last = Promise.resolve();
  readonly #streams = new Map<Source, MediaStream>();

  /** `choice`: what is to be captured now. `changed`: something went on or off. */
  constructor(choice: () => CaptureChoice, changed: () => void) {
    this.#choice = choice;
    this.#changed = changed;
    this.#capture = new Capture((source) => {
      this.#streams.delete(source);
      this.#changed();
    });
  }

  /** Something is captured, if only to be muted. */
  get isOpen(): boolean { return this.#capture.isOpen; }
  /** The browser asks the user. */
  get isBusy(): boolean { return this.#pending > 0; }
  /** Why something is not on that should be: a sentence without the full stop; empty: unknown. */
  get trouble(): string { return this.#capture.trouble; }
  /** The open microphone, also while it is muted. */
  get microphone(): MediaStreamTrack | null { return this.#capture.track('microphone'); }

  isOn(source: Source): boolean { return this.track(source) !== null; }

  /** The track to be sent; null: nothing. */
  track(source: Source): MediaStreamTrack | null {
    if (source === 'microphone' && this.#isMuted) return null;
    return this.#capture.track(source);
  }

  /** A stream of it for a video element: the same object as long as it is the same track. */
  stream(source: 'camera' | 'screen'): MediaStream | null {
    const track = this.#capture.track(source);
    if (!track) return null;
    const stream = this.#streams.get(source) ?? new MediaStream([track]);
    this.#streams.set(source, stream);
    return stream;
  }

  /** Opens what the user last had on. */
  open(microphone: boolean, camera: boolean): Promise<void> {
    return this.#while(async () => {
      this.#isMuted = !microphone;
      const choice = this.#choice();
      if (microphone && camera) await this.#capture.openBoth(choice);
      else if (microphone) await this.#capture.openMicrophone(choice);
      else if (camera) await this.#capture.openCamera(choice);
    });
  }

  /** Turns it on or off. Resolves to whether it is as wanted. */
  async set(source: Source, isOn: boolean): Promise<boolean> {
    await this.#while(async () => {
      if (isOn === this.isOn(source)) return;
      if (source === 'microphone') {
        this.#isMuted = !isOn;
        if (isOn && !this.microphone) await this.#capture.openMicrophone(this.#choice());
      } else if (!isOn) this.#capture.close(source);
      else if (source === 'camera') await this.#capture.openCamera(this.#choice());
      else await this.#capture.openScreen();
    });
    return this.isOn(source) === isOn;
  }

  /** Captures anew with another choice, where that is on. */
  reopen(source: 'microphone' | 'camera'): Promise<void> {
    return this.#while(async () => {
      if (!this.#capture.track(source)) return;
      if (source === 'camera') await this.#capture.openCamera(this.#choice());
      else await this.#capture.openMicrophone(this.#choice());
    });
  }

  /** Turns all off, and the microphone not only mute. */
  close(): Promise<void> {
    return this.#while(async () => {
      this.#isMuted = true;
      this.#capture.closeAll();
    });
  }

  /** One after the other: a device can't be opened and closed at once. */
  #while(work: () => Promise<void>): Promise<void> {
    this.#pending++;
    this.#changed();
    this.#last = this.#last.then(work).catch(() => { /* `trouble` says why */ }).then(() => {
      this.#pending--;
      this.#changed();
    });
    return this.#last;
  }
}
