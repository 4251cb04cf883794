// SPDX-License-Identifier: LGPL-2.1-or-later
// Encrypts and decrypts what the participants of a room send each other: frames between codec and
// network, and texts. The key comes from a passphrase that the server never gets.
//
// A frame is: the clear bytes, by which the server finds keyframes; the encrypted rest with the tag
// of AES-GCM, which covers the clear bytes, too; the initialization vector.

export type FrameKind = 'audio' | 'video';

const ROUNDS = 200_000; // of PBKDF2
const KEY_BYTES = 32;
const MARK_BYTES = 4;
const PREFIX_BYTES = 8; // of a vector: random for each sender; then a counter
const VECTOR_BYTES = 12;
const TAG_BYTES = 16;
const TEXT_MARK = 'e2e:';
const utf8 = new TextEncoder();

export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** The result of a passphrase and a room's name. */
export interface RoomKey {
  readonly key: CryptoKey;
  readonly mark: string; // eight digits that are others for another passphrase
}

/** Needs a page that came over https://, or from this machine. */
export async function keyOf(passphrase: string, room: string): Promise<RoomKey> {
  const secret = await crypto.subtle.importKey('raw', utf8.encode(passphrase), 'PBKDF2', false,
    ['deriveBits']);
  const bits = new Uint8Array(await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256',
    iterations: ROUNDS, salt: utf8.encode(`penstock room ${room}`) }, secret,
  8 * (KEY_BYTES + MARK_BYTES)));
  const key = await crypto.subtle.importKey('raw', bits.subarray(0, KEY_BYTES), 'AES-GCM', false,
    ['encrypt', 'decrypt']);
  return { key, mark: hexOf(bits.subarray(KEY_BYTES)) };
}

/** Bytes that stay clear: of VP8 the frame's tag, and a keyframe's start code and size (RFC 6386,
 * section 9.1); of Opus the first byte, which is its mode. */
export function clearBytes(kind: FrameKind, frame: Uint8Array): number {
  if (kind === 'audio') return 1;
  return frame.length > 0 && (frame[0] & 1) === 0 ? 10 : 3;
}

/** Encrypts frames of one sender, no two of which have the same vector. */
export class Sealer {
  readonly #key: CryptoKey;
  #prefix = crypto.getRandomValues(new Uint8Array(PREFIX_BYTES));
  #count = 0;

  constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** null: it is too short to be a frame. */
  async seal(kind: FrameKind, frame: Uint8Array<ArrayBuffer>):
  Promise<Uint8Array<ArrayBuffer> | null> {
    if (frame.length < clearBytes(kind, frame)) return null;
    const vector = this.#nextVector();
    const clear = frame.subarray(0, clearBytes(kind, frame));
    const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: vector,
      additionalData: clear }, this.#key, frame.subarray(clear.length));
    const out = new Uint8Array(clear.length + sealed.byteLength + VECTOR_BYTES);
    out.set(clear);
    out.set(new Uint8Array(sealed), clear.length);
    out.set(vector, clear.length + sealed.byteLength);
    return out;
  }

  #nextVector(): Uint8Array<ArrayBuffer> {
    if (this.#count === 2 ** 32) {
      this.#prefix = crypto.getRandomValues(new Uint8Array(PREFIX_BYTES));
      this.#count = 0;
    }
    const vector = new Uint8Array(VECTOR_BYTES);
    vector.set(this.#prefix);
    new DataView(vector.buffer).setUint32(PREFIX_BYTES, this.#count++);
    return vector;
  }
}

/** null: it was encrypted with another key, or not at all. */
export async function open(key: CryptoKey, kind: FrameKind, frame: Uint8Array<ArrayBuffer>):
Promise<Uint8Array<ArrayBuffer> | null> {
  const clear = frame.subarray(0, clearBytes(kind, frame));
  const end = frame.length - VECTOR_BYTES;
  if (end < clear.length + TAG_BYTES) return null;
  try {
    const opened = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: frame.subarray(end),
      additionalData: clear }, key, frame.subarray(clear.length, end));
    const out = new Uint8Array(clear.length + opened.byteLength);
    out.set(clear);
    out.set(new Uint8Array(opened), clear.length);
    return out;
  } catch {
    return null;
  }
}

/** A text as letters that say nothing to who has no key. */
export async function sealText(key: CryptoKey, text: string): Promise<string> {
  const vector = crypto.getRandomValues(new Uint8Array(VECTOR_BYTES));
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: vector }, key,
    utf8.encode(text));
  const bytes = [...vector, ...new Uint8Array(sealed)];
  return TEXT_MARK + btoa(String.fromCharCode(...bytes));
}

/** A text as it was written. What can't be read, or came unencrypted, says so. */
export async function openText(key: CryptoKey, text: string): Promise<string> {
  if (!text.startsWith(TEXT_MARK)) return `(not encrypted) ${text}`;
  try {
    const bytes = Uint8Array.from(atob(text.slice(TEXT_MARK.length)), (c) => c.charCodeAt(0));
    const opened = await crypto.subtle.decrypt({ name: 'AES-GCM',
      iv: bytes.subarray(0, VECTOR_BYTES) }, key, bytes.subarray(VECTOR_BYTES));
    return new TextDecoder().decode(opened);
  } catch {
    return '(written with another key)';
  }
}
