// SPDX-License-Identifier: LGPL-2.1-or-later
// The arrangement of a room's tiles: their choice, order, places and sizes. One is on the stage with
// the others beside it, or all have one size.
import type { Id, Who } from './roomprotocol.js';
import type { RoomState } from './roomstate.js';
import type { Pixels } from './units.js';

export type Mode = 'grid' | 'speaker';

/** A camera, or what stands for who has none; or a screen. */
export interface Shown {
  readonly id: Id;
  readonly source: 'camera' | 'screen';
}

export interface Order {
  readonly stage: Shown | null;     // null: all tiles are of one size
  readonly tiles: readonly Shown[]; // the others, what matters most first
}

export interface Rect {
  readonly left: Pixels;
  readonly top: Pixels;
  readonly width: Pixels;
  readonly height: Pixels;
}

export interface Placed {
  readonly shown: Shown;
  readonly rect: Rect;
  readonly isStage: boolean;
}

export interface Plan {
  readonly placed: readonly Placed[];
  /** The participants for whom there is no space, and where to say so. */
  readonly more: { readonly count: number; readonly rect: Rect } | null;
}

const GAP: Pixels = 8;
const SHAPE = 16 / 9; // width to height of a tile, as of nearly all cameras: nothing is cut off
const SMALLEST: Pixels = 150; // width of a tile in the grid
const MOST_IN_GRID = 25;
const STRIP = { least: 120, share: 0.2, most: 260 } as const; // its width, or its height on a phone

export const keyOf = ({ id, source }: Shown): string => `${source} ${id}`;

/** The place of a participant's tile in the order: those with a picture here come first, then
 * those who send one, then those who speak. */
function rank(who: Who, room: RoomState): number {
  if (who.id === room.you) return 0;
  if (room.slotOf(who.id, 'camera') !== null) return 1;
  if (who.video) return 2;
  if (room.speakers.includes(who.id)) return 3;
  return who.audio ? 4 : 5;
}

export function order(room: RoomState, mode: Mode, pinned: Shown | null): Order {
  // Listeners are not seen; one who is alone still sees himself.
  const seen = [...room.roster.values()].filter(({ id, role }) =>
    role !== 'listener' || (id === room.you && room.roster.size === 1));
  const screens = seen.filter(({ screen }) => screen)
    .map(({ id }): Shown => ({ id, source: 'screen' }));
  const cameras = seen.map((who, place) => ({ id: who.id, place, rank: rank(who, room) }))
    .sort((a, b) => a.rank - b.rank || a.place - b.place)
    .map(({ id }): Shown => ({ id, source: 'camera' }));
  const all = [...screens, ...cameras];

  const isThere = (one: Shown | null): one is Shown =>
    one !== null && all.some((other) => keyOf(other) === keyOf(one));
  const others = cameras.filter(({ id }) => id !== room.you);
  const speaking = others.find(({ id }) => id === room.lastSpeaker) ?? others.at(0) ?? null;
  // One's own screen on the stage would show itself in itself.
  const screen = screens.find(({ id }) => id !== room.you);
  const stage = isThere(pinned) ? pinned : screen ?? (mode === 'speaker' ? speaking : null);
  return { stage, tiles: all.filter((one) => !stage || keyOf(one) !== keyOf(stage)) };
}

/** The number of columns that makes `count` tiles the largest in a space, and their size. */
export function fit(count: number, width: Pixels, height: Pixels):
{ columns: number; width: Pixels; height: Pixels } {
  let best = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(count / columns);
    let across = (width - GAP * (columns - 1)) / columns;
    let down = (height - GAP * (rows - 1)) / rows;
    if (across <= 0 || down <= 0) continue;
    if (across / down > SHAPE) across = down * SHAPE;
    else down = across / SHAPE;
    const size = { columns, width: Math.floor(across), height: Math.floor(down) };
    if (size.width * size.height > best.width * best.height) best = size;
  }
  return best;
}

/** The tiles for which there is space; who speaks is among them. */
function cut(tiles: readonly Shown[], space: number, speaker: Id): readonly Shown[] {
  if (tiles.length <= space) return tiles;
  const kept = tiles.slice(0, Math.max(1, space - 1)); // one place says how many there are besides
  const speaking = tiles.find(({ id, source }) => id === speaker && source === 'camera');
  return speaking && !kept.includes(speaking) ? [...kept.slice(0, -1), speaking] : kept;
}

/** All of one size, the last row in the middle. */
function grid(tiles: readonly Shown[], speaker: Id, width: Pixels, height: Pixels): Plan {
  const across = Math.floor((width + GAP) / (SMALLEST + GAP));
  const down = Math.floor((height + GAP) / (SMALLEST / SHAPE + GAP));
  const space = Math.min(MOST_IN_GRID, Math.max(1, across) * Math.max(1, down));
  const kept = cut(tiles, space, speaker);
  const count = tiles.length - kept.length;
  const cells = kept.length + (count ? 1 : 0);
  const size = fit(cells, width, height);
  const rows = Math.ceil(cells / size.columns);
  const top = (height - rows * size.height - (rows - 1) * GAP) / 2;
  const rectOf = (cell: number): Rect => {
    const row = Math.floor(cell / size.columns);
    const inRow = Math.min(size.columns, cells - row * size.columns);
    const left = (width - inRow * size.width - (inRow - 1) * GAP) / 2;
    return { left: Math.round(left + (cell % size.columns) * (size.width + GAP)),
      top: Math.round(top + row * (size.height + GAP)), width: size.width, height: size.height };
  };
  return { placed: kept.map((shown, i) => ({ shown, rect: rectOf(i), isStage: false })),
    more: count ? { count, rect: rectOf(kept.length) } : null };
}

/** One large, the others in a strip: beside it, or below it where the space is upright. */
function staged(stage: Shown, tiles: readonly Shown[], speaker: Id, width: Pixels,
  height: Pixels): Plan {
  const isUpright = height > width;
  const [along, across] = isUpright ? [width, height] : [height, width];
  const strip = tiles.length === 0 ? 0
    : Math.min(STRIP.most, Math.max(STRIP.least, Math.round(across * STRIP.share)));
  const stageRect: Rect = { left: 0, top: 0, width: isUpright ? width : width - strip - GAP,
    height: isUpright ? height - strip - GAP : height };
  const whole = strip ? stageRect : { left: 0, top: 0, width, height };
  const least = isUpright ? strip * 0.75 : strip / SHAPE;
  const most = isUpright ? strip * SHAPE : strip / SHAPE;
  const kept = cut(tiles, Math.floor((along + GAP) / (least + GAP)), speaker);
  const count = tiles.length - kept.length;
  const cells = kept.length + (count ? 1 : 0);
  const each = Math.min(most, (along - (cells - 1) * GAP) / cells);
  const first = Math.max(0, (along - cells * each - (cells - 1) * GAP) / 2);
  const rectOf = (cell: number): Rect => {
    const at = Math.round(first + cell * (each + GAP));
    const beside = across - strip;
    return isUpright ? { left: at, top: beside, width: Math.floor(each), height: strip }
      : { left: beside, top: at, width: strip, height: Math.floor(each) };
  };
  return { placed: [{ shown: stage, rect: whole, isStage: true },
    ...kept.map((shown, i) => ({ shown, rect: rectOf(i), isStage: false }))],
  more: count ? { count, rect: rectOf(kept.length) } : null };
}

/** Places tiles in a space of this size. */
export function place({ stage, tiles }: Order, speaker: Id, width: Pixels, height: Pixels): Plan {
  return stage ? staged(stage, tiles, speaker, width, height)
    : grid(tiles, speaker, width, height);
}

/** The initials of a name: of its first and its last word; "?" if it has no letters. */
export function initialsOf(name: string): string {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? [];
  const letters = [words.at(0), words.length > 1 ? words.at(-1) : ''];
  return letters.map((word) => Array.from(word ?? '').at(0) ?? '').join('').toUpperCase() || '?';
}
