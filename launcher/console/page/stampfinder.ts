// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds a stamp's code in a picture by the bars at its sides, and reads it.
import { CELLS, decode, wordOf, type Stamp } from './stampcode.js';
import type { Pixels } from './units.js';

/** Brightness, one byte per pixel, row by row. */
export interface Picture {
  readonly data: Uint8Array;
  readonly width: Pixels;
  readonly height: Pixels;
}

/** The position of a code, excluding the quiet zone. */
export interface Place {
  readonly left: Pixels;
  readonly right: Pixels;
  readonly top: Pixels;
  readonly bottom: Pixels;
}

export interface Found {
  readonly stamp: Stamp;
  readonly place: Place;
}

/** A transition between dark and light within a row. */
interface Edge {
  readonly at: Pixels;
  readonly toLight: boolean;
}

/** The brightness of each cell including the bars, row by row. */
type Samples = readonly (readonly number[])[];

// The contrasts that count as an edge: first that of opaque stamps, then that of faint ones.
const SWINGS = [64, 24];
const LEAST_CONTRAST = 16;

/**
 * Finds transitions between dark and light within a row from alternating extremes: an extreme is
 * confirmed once the brightness has changed by `swing` from it.
 */
function edgesOf({ data, width }: Picture, y: number, swing: number): Edge[] {
  const edges: Edge[] = [];
  const row = y * width;
  let lastValue = data[row];
  let lastAt = 0;
  let high = lastValue;
  let highAt = 0;
  let low = lastValue;
  let lowAt = 0;
  let direction = 0;
  const cross = (to: number, after: number): void => {
    const middle = (lastValue + after) / 2;
    const toLight = after > lastValue;
    let x = lastAt + 1;
    while (x < to && (data[row + x] > middle) !== toLight) x += 1;
    const a = data[row + x - 1];
    const b = data[row + x];
    const part = a === b ? 0.5 : Math.min(1, Math.max(0, (middle - a) / (b - a)));
    edges.push({ at: x - 0.5 + part, toLight });
  };
  for (let x = 1; x < width; x += 1) {
    const value = data[row + x];
    if (value > high) { high = value; highAt = x; }
    if (value < low) { low = value; lowAt = x; }
    if (direction >= 0 && high - value >= swing) {
      if (direction > 0) cross(highAt, high);
      [lastValue, lastAt, direction, low, lowAt] = [high, highAt, -1, value, x];
    } else if (direction <= 0 && value - low >= swing) {
      if (direction < 0) cross(lowAt, low);
      [lastValue, lastAt, direction, high, highAt] = [low, lowAt, 1, value, x];
    }
  }
  if (direction > 0) cross(highAt, high);
  if (direction < 0) cross(lowAt, low);
  return edges;
}

const isAbout = (length: Pixels, cells: number, cell: Pixels): boolean =>
  Math.abs(length - cells * cell) <= (cells > 1 ? 0.6 : 0.5) * cell;

/** Mean brightness of a rectangle around a point. */
function meanAround({ data, width, height }: Picture, x: Pixels, y: Pixels, halfWidth: Pixels,
  halfHeight: Pixels): number {
  const within = (value: number, low: number, high: number): number =>
    Math.min(high, Math.max(low, value));
  const x0 = within(Math.round(x - halfWidth), 0, width - 1);
  const x1 = within(Math.round(x + halfWidth) - 1, x0, width - 1);
  const y0 = within(Math.round(y - halfHeight), 0, height - 1);
  const y1 = within(Math.round(y + halfHeight) - 1, y0, height - 1);
  let sum = 0;
  for (let v = y0; v <= y1; v += 1) {
    for (let u = x0; u <= x1; u += 1) sum += data[v * width + u];
  }
  return sum / ((x1 - x0 + 1) * (y1 - y0 + 1));
}

/**
 * Follows a dark bar from row `y` to its end; null if it reaches the edge of the frame. The bar
 * ends where it is light and no longer differs from the light bar beside it; where the scene shines
 * through, it may become lighter before that.
 */
function barEnd(picture: Picture, dark: Pixels, light: Pixels, y: number, direction: 1 | -1,
  cell: Pixels): Pixels | null {
  const mean = (x: Pixels, row: number, halfWidth: Pixels): number =>
    meanAround(picture, x, row + 0.5, halfWidth, 0.5);
  const begin = mean(dark, y, cell / 2);
  const half = (mean(light, y, cell / 4) - begin) / 2;
  let before = half;
  for (let row = y; row >= 0 && row < picture.height; row += direction) {
    const now = mean(dark, row, cell / 2);
    const difference = mean(light, row, cell / 4) - now;
    if (now > begin + half && difference < half) {
      const part = before > half ? (before - half) / (before - difference) : 0;
      return row + 0.5 + direction * (part - 1);
    }
    before = difference;
  }
  return null;
}

/** The position between bars from `left` to `right`, determined by their ends; null if it can't be
 * a code. */
function withRows(picture: Picture, y: number, left: Pixels, right: Pixels): Place | null {
  const cell = (right - left) / CELLS.width;
  /** The row where both bars end, if they end at about the same height. */
  const end = (direction: 1 | -1): Pixels | null => {
    const first = barEnd(picture, left + 1.5 * cell, left + 3.5 * cell, y, direction, cell);
    const last = barEnd(picture, right - cell, right - 2.5 * cell, y, direction, cell);
    if (first === null || last === null || Math.abs(first - last) > cell) return null;
    return (first + last) / 2;
  };
  const [top, bottom] = [end(-1), end(1)];
  if (top === null || bottom === null) return null;
  const shape = (bottom - top) / CELLS.rows / cell;
  return shape > 0.4 && shape < 2.5 ? { left, right, top, bottom } : null;
}

/** All positions in the frame that have both bars. */
export function* places(picture: Picture): Generator<Place, void> {
  const stride = Math.max(1, Math.floor(Math.min(picture.width, picture.height) / 64)) | 1;
  for (const swing of SWINGS) {
    for (let y = stride; y < picture.height; y += stride) {
      const edges = edgesOf(picture, y, swing);
      for (let i = 0; i + 8 <= edges.length; i += 1) {
        if (edges[i].toLight) continue;
        const start = edges[i].at;
        const cell = (edges[i + 3].at - start) / 5;
        if (cell < 2 || !isAbout(edges[i + 1].at - start, 3, cell) ||
            !isAbout(edges[i + 2].at - edges[i + 1].at, 1, cell) ||
            !isAbout(edges[i + 3].at - edges[i + 2].at, 1, cell)) continue;
        const end = start + cell * CELLS.width;
        for (let k = i + 7; k < edges.length && edges[k].at < end + 2 * cell; k += 1) {
          if (!edges[k].toLight || edges[k].at < end - 2 * cell) continue;
          const exact = (edges[k].at - start) / CELLS.width;
          if (!isAbout(edges[k].at - edges[k - 1].at, 2, exact) ||
              !isAbout(edges[k - 1].at - edges[k - 2].at, 1, exact) ||
              !isAbout(edges[k - 2].at - edges[k - 3].at, 1, exact)) continue;
          const place = withRows(picture, y, start, edges[k].at);
          if (place) yield place;
        }
      }
    }
  }
}

function measure(picture: Picture, { left, right, top, bottom }: Place): Samples {
  const width = (right - left) / CELLS.width;
  const height = (bottom - top) / CELLS.rows;
  return Array.from({ length: CELLS.rows }, (_, row) =>
    Array.from({ length: CELLS.width }, (__, column) => meanAround(picture,
      left + (column + 0.5) * width, top + (row + 0.5) * height, width / 4, height / 4)));
}

/** Decodes the cells by the dark and light levels of the bars in each row; null if the levels
 * hardly differ. */
function wordByBars(samples: Samples): Uint8Array | null {
  const end = CELLS.start + CELLS.columns;
  const limits: [left: number, right: number][] = [];
  for (const at of samples) {
    const darkLeft = (at[1] + at[4]) / 2;
    const lightLeft = (at[3] + at[5]) / 2;
    const darkRight = (at[end + 1] + (at[end + 3] + at[end + 4]) / 2) / 2;
    const lightRight = (at[end] + at[end + 2]) / 2;
    if (lightLeft - darkLeft < LEAST_CONTRAST || lightRight - darkRight < LEAST_CONTRAST) return null;
    limits.push([(darkLeft + lightLeft) / 2, (darkRight + lightRight) / 2]);
  }
  return wordOf((column, row) => {
    const [left, right] = limits[row];
    const part = (column + 0.5) / CELLS.columns;
    return samples[row][CELLS.start + column] < left + (right - left) * part;
  });
}

/**
 * Decodes the cells by comparing each with its surroundings up to `reach` columns away, for a stamp
 * over which the scene shines through. A wider reach gives more reliable levels; a narrower one
 * avoids edges of the scene.
 */
const wordByNeighbours = (samples: Samples, reach: 1 | 2): Uint8Array => wordOf((column, row) => {
  const center = CELLS.start + column;
  const around = samples.slice(Math.max(0, row - 1), row + 2)
    .flatMap((values) => values.slice(center - reach, center + reach + 1));
  return samples[row][center] < (Math.min(...around) + Math.max(...around)) / 2;
});

/** Reads the stamp at `place`; null if there is none. */
export function readAt(picture: Picture, place: Place): Stamp | null {
  const { left, right, top, bottom } = place;
  if (left < 0 || top < 0 || right > picture.width || bottom > picture.height) return null;
  if (right - left < CELLS.width || bottom - top < CELLS.rows) return null;
  const samples = measure(picture, place);
  const word = wordByBars(samples);
  return word && (decode(word) ?? decode(wordByNeighbours(samples, 2)) ??
    decode(wordByNeighbours(samples, 1)));
}

/** Finds the first stamp in the frame; null if there is none. */
export function find(picture: Picture): Found | null {
  for (const place of places(picture)) {
    const stamp = readAt(picture, place);
    if (stamp) return { stamp, place };
  }
  return null;
}
