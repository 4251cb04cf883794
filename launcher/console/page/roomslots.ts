// SPDX-License-Identifier: LGPL-2.1-or-later
// The slots of a room, which the server fills as it likes: those with sound are played, of those
// with video the server is told how large they are shown, by which it chooses among their sizes.
import type { Placed } from './roomlayout.js';
import type { ClientMessage, Id, Size } from './roomprotocol.js';
import type { RoomState } from './roomstate.js';
import type { Receiving } from './roompeer.js';
import type { Milliseconds } from './units.js';

const CALM: Milliseconds = 200; // sizes that change all the time are told that often at most
const NOTHING: Size = { width: 0, height: 0 };

type Slots = ReadonlyMap<string, Receiving>;

/** The sizes that are wanted of all slots with video; `isHidden`: nobody sees the page. */
export function sizesOf(slots: Slots, room: RoomState, placed: readonly Placed[], ratio: number,
  isHidden: boolean): Record<string, Size> {
  const toDevice = ({ rect }: Placed): Size =>
    ({ width: Math.round(rect.width * ratio), height: Math.round(rect.height * ratio) });
  const smallest = [...placed].sort((a, b) => a.rect.width - b.rect.width).at(0);
  const sizes: Record<string, Size> = {};
  for (const [mid, { kind }] of slots) {
    if (kind !== 'video') continue;
    const slot = room.slots.get(mid);
    const tile = placed.find(({ shown }) => shown.id === slot?.id && shown.source === slot.source);
    // Whoever comes into an empty slot first gets a small tile.
    const wanted = slot ? tile : smallest;
    sizes[mid] = wanted && !isHidden ? toDevice(wanted) : NOTHING;
  }
  return sizes;
}

/** Tells the server what is wanted, when that has changed. */
export class ViewReport {
  readonly #send: (message: ClientMessage) => boolean;
  #sent = '';
  #next: ClientMessage | null = null;
  #timer = 0;

  constructor(send: (message: ClientMessage) => boolean) {
    this.#send = send;
  }

  report(slots: Readonly<Record<string, Size>>, pinned: readonly Id[]): void {
    this.#next = { type: 'view', slots, pinned };
    if (!this.#timer) this.#timer = setTimeout(() => this.#flush(), CALM);
  }

  /** Another connection: the server knows nothing. */
  forget(): void {
    this.#sent = '';
    this.#next = null;
  }

  #flush(): void {
    this.#timer = 0;
    const text = JSON.stringify(this.#next);
    if (this.#next && text !== this.#sent && this.#send(this.#next)) this.#sent = text;
  }
}

/** Plays the slots with sound, by an element each. */
export class AudioSlots {
  readonly #elements = new Map<string, HTMLAudioElement>();
  readonly #blocked: () => void;
  #output = '';

  /** `blocked`: the browser wants a click before it plays anything. */
  constructor(blocked: () => void) {
    this.#blocked = blocked;
  }

  show(slots: Slots): void {
    for (const [mid, element] of this.#elements) {
      if (element.srcObject === slots.get(mid)?.stream) continue;
      element.srcObject = null;
      this.#elements.delete(mid);
    }
    for (const [mid, { kind, stream }] of slots) {
      if (kind !== 'audio' || this.#elements.has(mid)) continue;
      const element = Object.assign(new Audio(), { srcObject: stream, autoplay: true });
      this.#elements.set(mid, element);
      this.#direct(element);
      element.play().catch((error: unknown) => {
        if (error instanceof DOMException && error.name === 'NotAllowedError') this.#blocked();
      });
    }
  }

  /** Plays on this loudspeaker; empty: the default one. */
  setOutput(id: string): void {
    if (id === this.#output) return;
    this.#output = id;
    for (const element of this.#elements.values()) this.#direct(element);
  }

  resume(): void {
    for (const element of this.#elements.values()) element.play().catch(() => { /* as above */ });
  }

  #direct(element: HTMLAudioElement): void {
    if (!('setSinkId' in element) || (!this.#output && !element.sinkId)) return;
    element.setSinkId(this.#output).catch(() => { /* it was unplugged: the default one plays */ });
  }
}
