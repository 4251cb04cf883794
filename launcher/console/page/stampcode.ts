// SPDX-License-Identifier: LGPL-2.1-or-later
// The machine-readable stamp in a picture. plugins/core/latency/code.h specifies it.
import { corrected } from './reedsolomon.js';
import type { Microseconds } from './units.js';

/** Geometry in cells; the width excludes the quiet zone. */
export const CELLS = { start: 6, columns: 20, rows: 10, width: 31 } as const;
const WORD = 25;
const PARITY = 8;
const FIELDS = 13;
const EARLIEST: Microseconds = 1577836800000000; // 2020-01-01
const LATEST: Microseconds = 4102444800000000;   // 2100-01-01

/** The content of a code. */
export interface Stamp {
  readonly time: Microseconds; // since 1970, UTC
  readonly frame: number;
  readonly source: number;
}

/** The CRC-32 of zlib. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xFFFFFFFF;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  return ~crc >>> 0;
}

/** Reads a big-endian number of up to 53 bits. */
const number = (bytes: Uint8Array): number => bytes.reduce((value, byte) => value * 256 + byte, 0);

/**
 * Decodes a codeword of 25 bytes; null if it can't be corrected or its content is not plausible.
 */
export function decode(masked: Uint8Array): Stamp | null {
  const word = corrected(masked.map((byte, i) => byte ^ ((167 * i + 85) & 255)), PARITY);
  if (!word || number(word.slice(FIELDS, FIELDS + 4)) !== crc32(word.slice(0, FIELDS))) return null;
  const version = word[0] >> 4;
  const time = (word[0] & 15) * 2 ** 48 + number(word.slice(1, 7));
  if (version !== 1 || time < EARLIEST || time >= LATEST) return null;
  return { time, frame: number(word.slice(7, 11)), source: number(word.slice(11, 13)) };
}

/** Reads the codeword from data cells that are dark where `isDark(column, row)` is true. */
export function wordOf(isDark: (column: number, row: number) => boolean): Uint8Array {
  const word = new Uint8Array(WORD);
  for (let row = 0; row < CELLS.rows; row += 1) {
    for (let column = 0; column < CELLS.columns; column += 1) {
      if (!isDark(column, row)) continue;
      const block = (row >> 1) * 5 + (column >> 2);
      word[block] |= 0x80 >> ((row & 1) * 4 + (column & 3));
    }
  }
  return word;
}
