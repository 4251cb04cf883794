// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds a stamp's code in a picture by the bars at its sides, and reads it. A picture is {data,
// width, height}: one byte of brightness for each pixel.
import { CELLS, decode, wordOf } from './stampcode.js';

// What counts as an edge: first what a stamp has that is not faint.
const SWINGS = [64, 24];
const LEAST_CONTRAST = 16;

/**
 * The changes between dark and light along a row, from its extremes in turn: a maximum or minimum
 * stands once the brightness has come back from it by `swing`.
 */
function edgesOf({ data, width }, y, swing) {
  const edges = [];
  const row = y * width;
  let lastValue = data[row];
  let lastAt = 0;
  let high = lastValue;
  let highAt = 0;
  let low = lastValue;
  let lowAt = 0;
  let direction = 0;
  const cross = (to, after) => {
    const middle = (lastValue + after) / 2;
    const toLight = after > lastValue;
    let x = lastAt + 1;
    while (x < to && (data[row + x] > middle) !== toLight) x += 1;
    const a = data[row + x - 1];
    const b = data[row + x];
    const part = a === b ? 0.5 : Math.min(1, Math.max(0, (middle - a) / (b - a)));
    edges.push({ at: x - 0.5 + part, toLight,
      dark: Math.min(lastValue, after), light: Math.max(lastValue, after) });
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

const isAbout = (length, cells, cell) =>
  Math.abs(length - cells * cell) <= (cells > 1 ? 0.6 : 0.5) * cell;

/** The mean of a rectangle around a point. */
function meanAround({ data, width, height }, x, y, halfWidth, halfHeight) {
  const within = (value, low, high) => Math.min(high, Math.max(low, value));
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

/** Follows a dark bar from row `y` to where it ends; null if it goes on to the picture's edge. */
function barEnd(picture, x, y, direction, halfWidth, middle) {
  let before = middle;
  for (let row = y; row >= 0 && row < picture.height; row += direction) {
    const now = meanAround(picture, x, row + 0.5, halfWidth, 0.5);
    if (now > middle) {
      const part = before < middle ? (middle - before) / (now - before) : 0;
      return row + 0.5 + direction * (part - 1);
    }
    before = now;
  }
  return null;
}

/** `place` with top and bottom, or null. */
function withRows(picture, y, dark, light, place) {
  const cell = (place.right - place.left) / CELLS.width;
  const [left, right] = [place.left + 1.5 * cell, place.right - cell];
  const end = (x, direction) => barEnd(picture, x, y, direction, cell / 2, (dark + light) / 2);
  const tops = [end(left, -1), end(right, -1)];
  const bottoms = [end(left, 1), end(right, 1)];
  if (tops.includes(null) || bottoms.includes(null)) return null;
  if (Math.abs(tops[0] - tops[1]) > cell || Math.abs(bottoms[0] - bottoms[1]) > cell) return null;
  const [top, bottom] = [(tops[0] + tops[1]) / 2, (bottoms[0] + bottoms[1]) / 2];
  const shape = (bottom - top) / CELLS.rows / cell;
  return shape > 0.4 && shape < 2.5 ? { ...place, top, bottom } : null;
}

/** Each place in the picture that has both bars. */
export function* places(picture) {
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
          const place = withRows(picture, y, (edges[i].dark + edges[k].dark) / 2,
            (edges[i].light + edges[k].light) / 2, { left: start, right: edges[k].at });
          if (place) yield place;
        }
      }
    }
  }
}

/** The brightness of each cell, the bars' as well: rows of columns. */
function measure(picture, { left, right, top, bottom }) {
  const width = (right - left) / CELLS.width;
  const height = (bottom - top) / CELLS.rows;
  return Array.from({ length: CELLS.rows }, (_, row) =>
    Array.from({ length: CELLS.width }, (__, column) => meanAround(picture,
      left + (column + 0.5) * width, top + (row + 0.5) * height, width / 4, height / 4)));
}

/** What the cells say by what is dark and light in each row's bars; null if those hardly differ. */
function wordByBars(samples) {
  const end = CELLS.start + CELLS.columns;
  const limits = [];
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

/** The same by what is around each cell: for a stamp that a scene shines through. */
const wordByNeighbours = (samples) => wordOf((column, row) => {
  const center = CELLS.start + column;
  const around = samples.slice(Math.max(0, row - 1), row + 2)
    .flatMap((values) => values.slice(center - 2, center + 3));
  return samples[row][center] < (Math.min(...around) + Math.max(...around)) / 2;
});

/** The stamp at `place`, or null. */
export function readAt(picture, place) {
  const { left, right, top, bottom } = place;
  if (left < 0 || top < 0 || right > picture.width || bottom > picture.height) return null;
  if (right - left < CELLS.width || bottom - top < CELLS.rows) return null;
  const samples = measure(picture, place);
  const word = wordByBars(samples);
  return word && (decode(word) ?? decode(wordByNeighbours(samples)));
}

/** {stamp, place} of the first stamp in the picture, or null. */
export function find(picture) {
  for (const place of places(picture)) {
    const stamp = readAt(picture, place);
    if (stamp) return { stamp, place };
  }
  return null;
}
