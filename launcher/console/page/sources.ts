// SPDX-License-Identifier: LGPL-2.1-or-later
// Camera, microphone and screen: what there is, and one stream of what was chosen.
import type { Pixels } from './units.js';

/** What to capture. */
export interface Wish {
  readonly picture: 'camera' | 'screen' | 'none';
  readonly camera: string;            // its id; empty: any
  readonly microphone: string | null; // its id; empty: any; null: none
  readonly height: Pixels;            // 16:9, as far as the source has it
  readonly rate: number;              // frames per second, at most
}

/** A device to choose. */
export interface Device {
  readonly id: string;
  readonly label: string; // empty until the browser may tell
}

export interface Devices {
  readonly cameras: readonly Device[];
  readonly microphones: readonly Device[];
  readonly outputs: readonly Device[]; // loudspeakers
}

/** Why nothing can be captured. The message is a sentence without the full stop. */
export class NoSource extends Error {}

/** Browsers capture only for pages that came over TLS, or from this machine. */
export const canCapture = (): boolean => window.isSecureContext && 'mediaDevices' in navigator;
export const canShareScreen = (): boolean =>
  canCapture() && 'getDisplayMedia' in navigator.mediaDevices;

export async function listDevices(): Promise<Devices> {
  const all = await navigator.mediaDevices.enumerateDevices();
  const of = (kind: MediaDeviceKind): Device[] => all.filter((device) => device.kind === kind)
    .map(({ deviceId, label }) => ({ id: deviceId, label }));
  return { cameras: of('videoinput'), microphones: of('audioinput'),
    outputs: of('audiooutput') };
}

const WORDS: Readonly<Record<string, string>> = {
  NotAllowedError: 'the browser was not allowed to capture that; the lock or camera beside the ' +
    'address changes it',
  NotFoundError: 'this machine has no such device',
  NotReadableError: 'another program uses the device',
  OverconstrainedError: 'the device that was chosen is gone',
};

export function reasonOf(error: unknown): NoSource {
  const name = error instanceof DOMException ? error.name : '';
  return new NoSource(WORDS[name] ?? `the browser says: ${String(error)}`);
}

export const exactly = (id: string): Pick<MediaTrackConstraints, 'deviceId'> =>
  (id ? { deviceId: { exact: id } } : {});

/** Video limits, which are wishes: a camera gives what comes closest. */
export const limits = ({ height, rate }: Pick<Wish, 'height' | 'rate'>): MediaTrackConstraints => ({
  width: { ideal: Math.round(height * 16 / 9) },
  height: { ideal: height },
  frameRate: { ideal: rate, max: rate },
});

/** The same of the screen, whose shape is its own: it is made smaller, never larger. */
const screenLimits = ({ height, rate }: Wish): MediaTrackConstraints => ({
  width: { max: Math.round(height * 16 / 9) },
  height: { max: height },
  frameRate: { max: rate },
});

function microphone(id: string, besideScreen: boolean): MediaTrackConstraints {
  // Speech: what comes from the loudspeakers is taken out, except where it is to be heard.
  return { ...exactly(id), echoCancellation: !besideScreen, noiseSuppression: true };
}

/** A capture in progress. */
export class Source {
  readonly stream: MediaStream;
  readonly #inputs: readonly MediaStream[];
  readonly #mixer: AudioContext | null;

  private constructor(stream: MediaStream, inputs: readonly MediaStream[],
    mixer: AudioContext | null) {
    this.stream = stream;
    this.#inputs = inputs;
    this.#mixer = mixer;
  }

  /** Asks the viewer, who chooses the screen. Throws NoSource. */
  static async open(wish: Wish): Promise<Source> {
    const inputs: MediaStream[] = [];
    try {
      const { mediaDevices } = navigator;
      if (wish.picture === 'screen') {
        const video = screenLimits(wish);
        const screen = await mediaDevices.getDisplayMedia({ video, audio: true });
        // Text stays readable; fewer frames a second are the lesser evil.
        for (const track of screen.getVideoTracks()) track.contentHint = 'detail';
        inputs.push(screen);
      }
      const video = wish.picture === 'camera' && { ...exactly(wish.camera), ...limits(wish) };
      const audio = wish.microphone !== null &&
        microphone(wish.microphone, wish.picture === 'screen');
      if (video || audio) inputs.push(await mediaDevices.getUserMedia({ video, audio }));
    } catch (error) {
      for (const track of inputs.flatMap((input) => input.getTracks())) track.stop();
      throw reasonOf(error);
    }
    if (!inputs.length) throw new NoSource('neither a picture nor sound is chosen');
    return Source.#of(inputs);
  }

  /** One video track at most, and one audio track: that of the screen and the microphone mixed. */
  static #of(inputs: readonly MediaStream[]): Source {
    const stream = new MediaStream(inputs.flatMap((input) => input.getVideoTracks()));
    const sounds = inputs.filter((input) => input.getAudioTracks().length > 0);
    if (sounds.length < 2) {
      for (const track of sounds.flatMap((input) => input.getAudioTracks())) stream.addTrack(track);
      return new Source(stream, inputs, null);
    }
    const mixer = new AudioContext({ sampleRate: 48000 });
    const mixed = mixer.createMediaStreamDestination();
    for (const sound of sounds) mixer.createMediaStreamSource(sound).connect(mixed);
    for (const track of mixed.stream.getAudioTracks()) stream.addTrack(track);
    return new Source(stream, inputs, mixer);
  }

  /** Calls `ended` when a device is unplugged or the screen is no longer shared. */
  watch(ended: (kind: 'picture' | 'sound') => void): void {
    for (const track of this.#inputs.flatMap((input) => input.getTracks())) {
      track.addEventListener('ended', () => ended(track.kind === 'video' ? 'picture' : 'sound'));
    }
  }

  /** Sends silence, and goes on sending it. */
  mute(isMute: boolean): void {
    for (const track of this.stream.getAudioTracks()) track.enabled = !isMute;
  }

  close(): void {
    for (const track of this.#inputs.flatMap((input) => input.getTracks())) track.stop();
    this.#mixer?.close();
  }
}
