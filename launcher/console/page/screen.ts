// SPDX-License-Identifier: LGPL-2.1-or-later
// The layer over the video: why nothing is shown, and the buttons to start it and to unmute it. It is
// the same on the page and in a frame of another site.
import type { Player, State } from './player.js';
import type { Stream } from './streams.js';
import type { Milliseconds } from './units.js';
import { offAir, part } from './view.js';

const TEXT: Readonly<Partial<Record<State, string>>> = {
  connecting: 'Connecting…',
  blocked: 'This browser waits for you to start the video.',
  error: 'This browser can\'t play what this stream has. Try another browser, or a player.',
};
const MISSING = 'There is no such stream now. It starts here by itself when it goes live.';
const BACK = 'It goes on here by itself when it is back.';

export class Screen {
  readonly #player: Player;
  readonly #video: HTMLVideoElement;
  readonly #offSince = new Map<string, Milliseconds>(); // streams seen here that are off air

  /** With the elements of `#screen`. */
  constructor(player: Player, video: HTMLVideoElement) {
    this.#player = player;
    this.#video = video;
    this.#part('unmute').addEventListener('click', () => {
      video.muted = false;
      if (video.volume === 0) video.volume = 1;
      video.focus();
    });
    this.#part('retry').addEventListener('click', () => player.retry());
  }

  #part(id: string): HTMLElement { return part(document, `#${id}`); }

  /** Remembers when listed streams were last on air: the server forgets those that are not. */
  note(streams: readonly Stream[]): void {
    for (const { name, live, offSince } of streams) {
      this.#offSince.set(name, live ? Date.now() : offSince ?? Date.now());
    }
  }

  /** When media of the stream last came; null: it was never seen here. */
  offSince(name: string): Milliseconds | null { return this.#offSince.get(name) ?? null; }

  /** `begins`: a stream that is not listed is being started; `isHeld`: the viewer starts it. */
  show(name: string, stream: Stream | null, begins: boolean, isHeld = false): void {
    const known: State = stream ? this.#player.state : begins ? 'connecting' : 'ended';
    const state: State = isHeld ? 'blocked' : known;
    const { muted, videoWidth } = this.#video;
    this.#part('screen').dataset['state'] = state;
    this.#part('veil-text').textContent = isHeld ? '' : this.#text(name, state, stream);
    this.#part('retry').hidden = state !== 'blocked';
    // Without a stream there is nothing to control. A stall of a moment takes no control away.
    this.#video.controls = state === 'playing' || state === 'connecting';
    this.#part('unmute').hidden = !muted || state !== 'playing' || stream?.audio === false;
    this.#part('sound-only').hidden = state !== 'playing' ||
      !(stream?.video === false || (this.#player.transport === 'plain' && videoWidth === 0));
  }

  #text(name: string, state: State, stream: Stream | null): string {
    const { problem } = this.#player;
    if (state === 'error' && problem) {
      return `It does not play here: ${problem.reason}. Trying again…`;
    }
    if (state !== 'ended') return TEXT[state] ?? '';
    const since = this.offSince(name);
    if (!stream && since === null) return MISSING;
    return `${offAir(since)}. ${BACK}`;
  }
}
