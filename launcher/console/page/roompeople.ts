// SPDX-License-Identifier: LGPL-2.1-or-later
// The list of those in a room, and what a host may do with each of them.
import { initialsOf } from './roomlayout.js';
import type { ClientMessage, Who } from './roomprotocol.js';
import type { RoomState } from './roomstate.js';
import { icon } from './roomtiles.js';
import { hue, make, part, setText } from './view.js';

const ROLES = { host: 'Host', speaker: '', listener: 'Listener' } as const;

/** A host's requests about somebody, with the words on their buttons. */
function actionsFor(who: Who): (readonly [text: string, message: ClientMessage])[] {
  const { id, role } = who;
  const actions: (readonly [string, ClientMessage])[] = [];
  if (role === 'listener') actions.push(['Let speak', { type: 'role', id, role: 'speaker' }]);
  else {
    if (who.audio) actions.push(['Mute', { type: 'mute', id, kind: 'audio' }]);
    if (who.video) actions.push(['Stop camera', { type: 'mute', id, kind: 'video' }]);
  }
  if (role === 'speaker') {
    actions.push(['Make listener', { type: 'role', id, role: 'listener' }],
      ['Make host', { type: 'role', id, role: 'host' }]);
  }
  actions.push(['Remove', { type: 'remove', id }]);
  return actions;
}

export class PeopleView {
  readonly #list: HTMLElement;
  readonly #send: (message: ClientMessage) => void;
  readonly #rows = new Map<string, HTMLElement>();

  /** `send`: a host has asked for this. */
  constructor(list: HTMLElement, send: (message: ClientMessage) => void) {
    this.#list = list;
    this.#send = send;
  }

  /** Updates the list in place, so that focus is kept. */
  show(room: RoomState): void {
    const gone = new Map(this.#rows);
    for (const id of room.roster.keys()) gone.delete(id);
    for (const [id, row] of gone) {
      row.remove();
      this.#rows.delete(id);
    }
    for (const who of room.roster.values()) {
      const row = this.#rows.get(who.id) ?? this.#makeRow();
      this.#rows.set(who.id, row);
      if (!row.isConnected) this.#list.append(row);
      this.#update(row, who, room);
    }
  }

  clear(): void {
    this.#rows.clear();
    this.#list.replaceChildren();
  }

  #makeRow(): HTMLElement {
    const row = make('li', 'person');
    const avatar = make('span', 'avatar');
    avatar.setAttribute('aria-hidden', 'true');
    const text = make('div', 'person-text');
    text.append(make('span', 'person-name'), make('span', 'person-role'));
    const media = make('span', 'person-media');
    const menu = make('button', 'person-menu');
    menu.type = 'button';
    menu.append(icon('more'));
    const actions = make('div', 'person-actions');
    actions.hidden = true;
    menu.setAttribute('aria-expanded', 'false');
    menu.addEventListener('click', () => {
      actions.hidden = !actions.hidden;
      menu.setAttribute('aria-expanded', String(!actions.hidden));
    });
    row.append(avatar, text, media, menu, actions);
    return row;
  }

  #update(row: HTMLElement, who: Who, room: RoomState): void {
    const { id, name, role, audio, video, screen } = who;
    const isMe = id === room.you;
    const mayAct = room.role === 'host' && !isMe;
    const speaks = audio && room.speakers.includes(id);
    row.classList.toggle('speaks', speaks);
    const key = JSON.stringify([name, role, audio, video, screen, isMe, mayAct]);
    if (row.dataset['key'] === key) return;
    row.dataset['key'] = key;
    row.style.setProperty('--hue', String(hue(name)));
    setText(part(row, '.avatar'), initialsOf(name));
    setText(part(row, '.person-name'), isMe ? `${name} (you)` : name);
    const facts = [ROLES[role], screen ? 'Shares a screen' : ''].filter(Boolean);
    setText(part(row, '.person-role'), facts.join(' · '));
    const media = part(row, '.person-media');
    media.replaceChildren(...(role === 'listener' ? [] : [
      icon(audio ? 'microphone' : 'microphone-off'), icon(video ? 'camera' : 'camera-off')]));
    const words = `Microphone ${audio ? 'on' : 'off'}, camera ${video ? 'on' : 'off'}`;
    media.setAttribute('role', 'img');
    media.setAttribute('aria-label', role === 'listener' ? 'Listens' : words);
    const menu = part(row, '.person-menu');
    menu.hidden = !mayAct;
    menu.setAttribute('aria-label', `What to do about ${name}`);
    part(row, '.person-actions').replaceChildren(...(mayAct ? actionsFor(who) : [])
      .map(([text, message]) => {
        const button = make('button', message.type === 'remove' ? 'small danger' : 'small', text);
        button.type = 'button';
        button.addEventListener('click', () => this.#send(message));
        return button;
      }));
  }
}
