// SPDX-License-Identifier: LGPL-2.1-or-later
// End-to-end encryption of a room, by a passphrase in the fragment of its address, which browsers
// send to nobody.
import { hexOf, keyOf, openText, sealText } from './roomframe.js';
import type { Cipher } from './roompeer.js';
import type { ChatLine, ServerMessage } from './roomprotocol.js';
import type { Work } from './roomcipherworker.js';
import type { Milliseconds } from './units.js';

const TOLD_EVERY: Milliseconds = 20000; // at most, that something can't be read
const PASSPHRASE_BYTES = 16;

/** The passphrase of this page's address; empty: nothing is encrypted end to end. */
export const passphraseOf = (hash: string): string =>
  new URLSearchParams(hash.replace(/^#/, '')).get('key') ?? '';

/** A fragment with a passphrase that nobody guesses. */
export function newFragment(): string {
  return `#key=${hexOf(crypto.getRandomValues(new Uint8Array(PASSPHRASE_BYTES)))}`;
}

export const canEncrypt = (): boolean =>
  window.isSecureContext && 'RTCRtpScriptTransform' in window;

export class RoomCipher implements Cipher {
  /** The name at the server of the room that only those with this key join: without it one would
   * hear noise. */
  readonly roomName: string;
  readonly #key: CryptoKey;
  readonly #worker: Worker;

  private constructor(key: CryptoKey, roomName: string, unreadable: () => void) {
    this.#key = key;
    this.roomName = roomName;
    this.#worker = new Worker('/assets/roomcipherworker.js', { type: 'module' });
    let told: Milliseconds = -Infinity;
    this.#worker.addEventListener('message', () => {
      if (performance.now() - told < TOLD_EVERY) return;
      told = performance.now();
      unreadable();
    });
  }

  /** `unreadable`: frames of somebody can't be decrypted. */
  static async of(passphrase: string, room: string, unreadable: () => void): Promise<RoomCipher> {
    const { key, mark } = await keyOf(passphrase, room);
    return new RoomCipher(key, `${room}~${mark}`, unreadable);
  }

  protect(sender: RTCRtpSender, kind: Work['kind']): void {
    sender.transform = this.#transform({ side: 'send', kind, key: this.#key });
  }

  open(receiver: RTCRtpReceiver, kind: Work['kind']): void {
    receiver.transform = this.#transform({ side: 'receive', kind, key: this.#key });
  }

  seal(text: string): Promise<string> { return sealText(this.#key, text); }

  /** The message with the texts of its chat as they were written. */
  async readMessage(message: ServerMessage): Promise<ServerMessage> {
    const read = async <T extends ChatLine>(line: T): Promise<T> =>
      ({ ...line, text: await openText(this.#key, line.text) });
    if (message.type === 'chat') return read(message);
    if (message.type !== 'welcome') return message;
    return { ...message, chat: await Promise.all(message.chat.map(read)) };
  }

  /** Nothing is encrypted by it any more. */
  close(): void { this.#worker.terminate(); }

  #transform(work: Work): RTCRtpScriptTransform {
    return new RTCRtpScriptTransform(this.#worker, work);
  }
}
