// SPDX-License-Identifier: LGPL-2.1-or-later
// The state of a room by the server's messages: who is there, who is in which slot, who speaks, and
// the chat.
import type { ChatLine, Id, Role, ServerMessage, Slot, Source, Who } from './roomprotocol.js';

const LONGEST_CHAT = 500; // lines that are kept; the oldest go

export class RoomState {
  you: Id = ''; // empty: not in the room
  /** In the order in which they came. */
  readonly roster = new Map<Id, Who>();
  slots: ReadonlyMap<string, Slot> = new Map();
  /** The participants who speak now, the loudest first. */
  speakers: readonly Id[] = [];
  /** The last of the others who spoke; empty: nobody yet. */
  lastSpeaker: Id = '';
  chat: ChatLine[] = [];
  /** The server makes a mix or a recording of the room. */
  isTapped = false;

  get me(): Who | null { return this.roster.get(this.you) ?? null; }
  get role(): Role { return this.me?.role ?? 'listener'; }

  apply(message: ServerMessage): void {
    switch (message.type) {
      case 'welcome':
        this.clear();
        this.you = message.you;
        for (const who of message.roster) this.roster.set(who.id, who);
        this.chat = message.chat.slice(-LONGEST_CHAT);
        this.isTapped = message.tapped;
        break;
      case 'tapped':
        this.isTapped = message.on;
        break;
      case 'joined':
      case 'changed':
        this.roster.set(message.who.id, message.who);
        break;
      case 'left':
        this.roster.delete(message.id);
        this.speakers = this.speakers.filter((id) => id !== message.id);
        if (this.lastSpeaker === message.id) this.lastSpeaker = '';
        break;
      case 'slots':
        this.slots = message.slots;
        break;
      case 'speakers':
        this.speakers = message.ids;
        this.lastSpeaker = message.ids.find((id) => id !== this.you) ?? this.lastSpeaker;
        break;
      case 'chat':
        this.chat = [...this.chat, message].slice(-LONGEST_CHAT);
        break;
      default:
    }
  }

  clear(): void {
    this.you = '';
    this.roster.clear();
    this.slots = new Map();
    this.speakers = [];
    this.lastSpeaker = '';
    this.chat = [];
    this.isTapped = false;
  }

  /** The slot that shows this; null: none does. */
  slotOf(id: Id, source: Source): string | null {
    for (const [mid, slot] of this.slots) {
      if (slot.id === id && slot.source === source) return mid;
    }
    return null;
  }

  nameOf(id: Id): string {
    return this.roster.get(id)?.name || 'Somebody';
  }
}
