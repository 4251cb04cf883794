// SPDX-License-Identifier: LGPL-2.1-or-later
// The texts between a room's page and its server, over the data channel `room` (docs/rooms.md).
// They come from the network: what is not as it should be is left out, what is unknown ignored.
import type { Milliseconds, Pixels } from './units.js';

export const CHANNEL = 'room'; // label of the data channel
export const LONGEST_CHAT = 1000; // bytes of UTF-8; the server cuts what is longer

export type Id = string;
export type Role = 'host' | 'speaker' | 'listener';
export type Kind = 'audio' | 'video';
export type Source = 'microphone' | 'camera' | 'screen';

/** A participant. */
export interface Who {
  readonly id: Id;
  readonly name: string;
  readonly role: Role;
  readonly audio: boolean; // false: muted, or has none
  readonly video: boolean;
  readonly screen: boolean;
}

/** The content of a slot, which is one of the media sections that we receive. */
export interface Slot {
  readonly id: Id;
  readonly source: Source;
}

export interface ChatLine {
  readonly from: Id;
  readonly name: string;
  readonly text: string;
  readonly at: Milliseconds; // since 1970
}

export interface Welcome {
  readonly type: 'welcome';
  readonly you: Id;
  readonly role: Role;
  readonly room: string;
  readonly tapped: boolean;
  readonly roster: readonly Who[];
  readonly chat: readonly ChatLine[];
}

export type ServerMessage =
  | Welcome
  | { readonly type: 'joined' | 'changed'; readonly who: Who }
  | { readonly type: 'left'; readonly id: Id }
  /** Whether a mix or a recording is made of what we send. */
  | { readonly type: 'tapped'; readonly on: boolean }
  | { readonly type: 'slots'; readonly slots: ReadonlyMap<string, Slot> } // by MID
  | { readonly type: 'speakers'; readonly ids: readonly Id[] } // the loudest first
  | { readonly type: 'chat' } & ChatLine
  | { readonly type: 'mute'; readonly by: Id; readonly kind: Kind }
  | { readonly type: 'error'; readonly text: string }
  | { readonly type: 'removed'; readonly by: Id };

export interface Size {
  readonly width: Pixels;  // of the device; 0: nothing is wanted
  readonly height: Pixels;
}

export type ClientMessage =
  | { readonly type: 'state'; readonly audio: boolean; readonly video: boolean;
      readonly screen: boolean }
  | { readonly type: 'view'; readonly slots: Readonly<Record<string, Size>>;
      readonly pinned: readonly Id[] }
  | { readonly type: 'chat'; readonly text: string }
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'mute'; readonly id: Id; readonly kind: Kind }
  | { readonly type: 'role'; readonly id: Id; readonly role: Role }
  | { readonly type: 'remove'; readonly id: Id };

type Entry = Readonly<Record<string, unknown>>;

const isEntry = (value: unknown): value is Entry =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const isRole = (value: unknown): value is Role =>
  value === 'host' || value === 'speaker' || value === 'listener';
const isSource = (value: unknown): value is Source =>
  value === 'microphone' || value === 'camera' || value === 'screen';

function readWho(value: unknown): Who | null {
  if (!isEntry(value)) return null;
  const { id, name, role, audio, video, screen } = value;
  if (!textOf(id) || !isRole(role)) return null;
  return { id: textOf(id), name: textOf(name), role, audio: audio === true, video: video === true,
    screen: screen === true };
}

function readLine(value: unknown): ChatLine | null {
  if (!isEntry(value)) return null;
  const { from, name, text, at } = value;
  if (typeof text !== 'string') return null;
  return { from: textOf(from), name: textOf(name), text, at: typeof at === 'number' ? at : 0 };
}

function readSlots(value: unknown): Map<string, Slot> {
  const slots = new Map<string, Slot>();
  for (const [mid, slot] of Object.entries(isEntry(value) ? value : {})) {
    if (!isEntry(slot)) continue;
    const { id, source } = slot;
    if (textOf(id) && isSource(source)) slots.set(mid, { id: textOf(id), source });
  }
  return slots;
}

const kept = <T>(value: T | null): T[] => (value === null ? [] : [value]);

function readEntry(entry: Entry): ServerMessage | null {
  const { type, you, role, room, roster, chat, who, id, slots, ids, by, kind, text,
    on, tapped } = entry;
  switch (type) {
    case 'welcome':
      if (!textOf(you)) return null;
      return { type, you: textOf(you), role: isRole(role) ? role : 'listener', room: textOf(room),
        tapped: tapped === true, roster: listOf(roster).flatMap((one) => kept(readWho(one))),
        chat: listOf(chat).flatMap((one) => kept(readLine(one))) };
    case 'joined':
    case 'changed': {
      const read = readWho(who);
      return read && { type, who: read };
    }
    case 'left': return { type, id: textOf(id) };
    case 'tapped': return { type, on: on === true };
    case 'slots': return { type, slots: readSlots(slots) };
    case 'speakers': return { type, ids: listOf(ids).map(textOf).filter(Boolean) };
    case 'chat': {
      const line = readLine(entry);
      return line && { type, ...line };
    }
    case 'mute':
      return kind === 'audio' || kind === 'video' ? { type, by: textOf(by), kind } : null;
    case 'error': return { type, text: textOf(text) };
    case 'removed': return { type, by: textOf(by) };
    default: return null;
  }
}

/** null: nothing that is understood. */
export function readMessage(text: unknown): ServerMessage | null {
  if (typeof text !== 'string') return null;
  try {
    const value: unknown = JSON.parse(text);
    return isEntry(value) ? readEntry(value) : null;
  } catch {
    return null;
  }
}
