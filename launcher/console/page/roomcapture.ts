// SPDX-License-Identifier: LGPL-2.1-or-later
// A participant's own camera, microphone and screen, each opened and closed by itself.
import type { Source } from './roomprotocol.js';
import { canCapture, exactly, limits, NoSource, reasonOf } from './sources.js';
import type { Pixels } from './units.js';

const CAMERA_RATE = 30; // frames per second
const SCREEN_RATE = 30;

/** The devices to capture, and how. */
export interface CaptureChoice {
  readonly camera: string;     // its id; empty: any
  readonly microphone: string;
  readonly height: Pixels;     // of the camera, 16:9
  readonly echoCancellation: boolean;
  readonly noiseSuppression: boolean;
  readonly autoGainControl: boolean;
}

const cameraOf = ({ camera, height }: CaptureChoice): MediaTrackConstraints =>
  ({ ...exactly(camera), ...limits({ height, rate: CAMERA_RATE }) });

function microphoneOf({ microphone, ...choice }: CaptureChoice): MediaTrackConstraints {
  const { echoCancellation, noiseSuppression, autoGainControl } = choice;
  return { ...exactly(microphone), echoCancellation, noiseSuppression, autoGainControl };
}

export class Capture {
  readonly #tracks = new Map<Source, MediaStreamTrack>();
  readonly #changed: (source: Source) => void;
  /** Why the camera or microphone is not there; empty: no reason is known. */
  trouble = '';

  /** `changed`: a track was opened or closed, or its device has gone. */
  constructor(changed: (source: Source) => void) {
    this.#changed = changed;
  }

  track(source: Source): MediaStreamTrack | null {
    return this.#tracks.get(source) ?? null;
  }

  get isOpen(): boolean { return this.#tracks.size > 0; }

  /** Opens camera and microphone with one question to the user; one of them if that is all. */
  async openBoth(choice: CaptureChoice): Promise<void> {
    this.trouble = '';
    if (!canCapture()) return;
    try {
      await this.#ask({ video: cameraOf(choice), audio: microphoneOf(choice) });
    } catch {
      await this.openMicrophone(choice);
      await this.openCamera(choice);
    }
  }

  /** False, and the reason in `trouble`, if there is none. */
  openCamera(choice: CaptureChoice): Promise<boolean> {
    return this.#open({ video: cameraOf(choice) });
  }

  openMicrophone(choice: CaptureChoice): Promise<boolean> {
    return this.#open({ audio: microphoneOf(choice) });
  }

  /** The user chooses which. False if that was given up, or failed. */
  async openScreen(): Promise<boolean> {
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({
        video: { frameRate: { max: SCREEN_RATE } }, audio: false });
      // Text stays readable; fewer frames a second are the lesser evil.
      for (const track of stream.getVideoTracks()) {
        track.contentHint = 'detail';
        this.#take('screen', track);
      }
      return true;
    } catch (error) {
      const isGivenUp = error instanceof DOMException && error.name === 'NotAllowedError';
      this.trouble = isGivenUp ? '' : reasonOf(error).message;
      return false;
    }
  }

  close(source: Source): void {
    const track = this.#tracks.get(source);
    if (!track) return;
    this.#tracks.delete(source);
    track.stop();
    this.#changed(source);
  }

  closeAll(): void {
    for (const source of [...this.#tracks.keys()]) this.close(source);
  }

  async #open(constraints: MediaStreamConstraints): Promise<boolean> {
    try {
      await this.#ask(constraints);
      return true;
    } catch (error) {
      this.trouble = error instanceof NoSource ? error.message : reasonOf(error).message;
      return false;
    }
  }

  async #ask(constraints: MediaStreamConstraints): Promise<void> {
    if (!canCapture()) throw new NoSource('this page did not come over https://');
    // Some devices can't be open twice.
    if (constraints.video) this.close('camera');
    if (constraints.audio) this.close('microphone');
    const stream = await navigator.mediaDevices.getUserMedia(constraints);
    for (const track of stream.getTracks()) {
      this.#take(track.kind === 'video' ? 'camera' : 'microphone', track);
    }
  }

  #take(source: Source, track: MediaStreamTrack): void {
    this.#tracks.get(source)?.stop();
    this.#tracks.set(source, track);
    track.addEventListener('ended', () => {
      if (this.#tracks.get(source) === track) this.close(source);
    });
    this.#changed(source);
  }
}
