// SPDX-License-Identifier: LGPL-2.1-or-later
// A room that was joined: its tiles, chat and people, and the controls below them.
import { showRows } from './delay.js';
import { ChatView } from './roomchat.js';
import { figureRows, readTraffic, type Traffic } from './roomfigures.js';
import { keyOf, order, place, type Mode, type Plan, type Shown } from './roomlayout.js';
import { LevelMeter } from './roomlevel.js';
import type { OwnMedia } from './roomown.js';
import { note, Panel, PANEL_PAGES, PANEL_TITLES } from './roompanel.js';
import { PeopleView } from './roompeople.js';
import type { RoomPeer } from './roompeer.js';
import type { ClientMessage, Role, ServerMessage, Source, Who } from './roomprotocol.js';
import { AudioSlots, sizesOf, ViewReport } from './roomslots.js';
import type { RoomState } from './roomstate.js';
import { Floor, setTool, type Detail } from './roomtiles.js';
import { canCapture, canShareScreen } from './sources.js';
import type { Milliseconds } from './units.js';
import { make, part, setText } from './view.js';

const $ = (id: string): HTMLElement => part(document, `#${id}`);
const input = (id: string): HTMLInputElement => $(id) as HTMLInputElement;

const SOURCES = ['microphone', 'camera', 'screen'] as const;
const FIGURES_EVERY: Milliseconds = 1000;
const REMIND_AFTER: Milliseconds = 30000; // of being muted, at most that often
export const TAPPED = 'The server records this room, or makes a stream of it that others watch';
export const TAPPED_IN_VAIN = 'The server records its rooms, or makes streams of them. It can\'t read what ' +
  'is sent here, so there is nothing of it in those';
const OTHERS_ROLE: Readonly<Record<Role, string>> = { host: 'is a host now',
  speaker: 'may speak now', listener: 'is a listener now' };
const KEYS: Readonly<Record<Source, string>> = { microphone: 'M', camera: 'V', screen: 'S' };

function ownRole(role: Role, before: Role): string {
  if (role === 'listener') return 'You are a listener now: nobody sees or hears you';
  if (role === 'host') return 'You are a host now: see People for what you may do';
  return before === 'host' ? 'You are no host any more'
    : 'You may speak now, and turn on your camera';
}

export class Meeting {
  readonly #room: RoomState;
  readonly #own: OwnMedia;
  readonly #peer: RoomPeer;
  readonly #panel = new Panel(() => this.show());
  readonly #chat = new ChatView($('chat'), $('chat-empty'));
  readonly #people: PeopleView;
  readonly #floor: Floor;
  readonly #view: ViewReport;
  readonly #audio = new AudioSlots(() => note('Click anywhere to hear the others'));
  readonly #badge = make('span', 'badge-count');
  readonly #unheard = new LevelMeter((_level, speaks) => { if (speaks) this.#remind(); });
  #unheardTrack: MediaStreamTrack | null = null;
  #remindedAt: Milliseconds = -Infinity;
  #traffic: Traffic | null = null;
  #mode: Mode = 'grid';
  #pinned: Shown | null = null;
  #sentState = '';
  #isOpen = false;

  /** `say`: sends a line of the chat. */
  constructor(room: RoomState, own: OwnMedia, peer: RoomPeer, say: (text: string) => void) {
    this.#room = room;
    this.#own = own;
    this.#peer = peer;
    this.#people = new PeopleView($('people'), (message) => this.#send(message));
    this.#floor = new Floor($('floor'), $('more-tile'), (shown) => this.#pin(shown));
    this.#view = new ViewReport((message) => peer.send(message));
    this.#badge.setAttribute('aria-label', 'unread');
    this.#listen(say);
    setInterval(() => this.#showFigures(), FIGURES_EVERY);
  }

  open(): void {
    this.#isOpen = true;
    this.show();
  }

  close(): void {
    this.#isOpen = false;
    this.#panel.close();
    this.#floor.clear();
    this.#people.clear();
    this.#audio.show(new Map());
    this.#pinned = null;
    this.#listenUnheard();
    this.#forget();
  }

  setOutput(id: string): void { this.#audio.setOutput(id); }

  /** Takes a message that the room's state has taken. */
  receive(message: ServerMessage): void {
    const room = this.#room;
    switch (message.type) {
      case 'welcome':
        this.#forget();
        if (room.roster.size === 1) note('Nobody else is here yet: copy the link to invite others');
        break;
      case 'joined':
        note(`${message.who.name || 'Somebody'} is here`);
        break;
      case 'mute':
        this.#own.set(message.kind === 'audio' ? 'microphone' : 'camera', false);
        note(message.kind === 'audio' ? `${room.nameOf(message.by)} has muted you`
          : `${room.nameOf(message.by)} has stopped your camera`);
        break;
      case 'error':
        note(message.text);
        break;
      default:
    }
  }

  /** Somebody's role has changed; `before`: what it was. */
  roleChanged({ id, name, role }: Who, before: Role): void {
    if (id === this.#room.you) note(ownRole(role, before));
    else note(`${name || 'Somebody'} ${OTHERS_ROLE[role]}`);
  }

  /** Tells in the bar whether what is sent here leaves the room. */
  showTapped(isSealed: boolean): void {
    const { isTapped } = this.#room;
    $('tapped').hidden = !isTapped;
    if (!isTapped) return;
    $('tapped').classList.toggle('is-vain', isSealed);
    setText($('tapped'), isSealed ? 'No recording: encrypted' : 'Recorded or broadcast');
    $('tapped').title = isSealed ? TAPPED_IN_VAIN : TAPPED;
  }

  show(): void {
    if (!this.#isOpen) return;
    const { roster } = this.#room;
    this.#audio.show(this.#peer.receiving);
    this.#showFloor();
    this.#showTools();
    if (this.#panel.page === 'people') this.#people.show(this.#room);
    this.#chat.show(this.#room.chat, this.#room.you, this.#panel.page === 'chat');
    this.#chat.showUnread(this.#badge);
    setText($('panel-title'), this.#panel.page === 'people' ? `People (${roster.size})`
      : this.#panel.page ? PANEL_TITLES[this.#panel.page] : '');
    this.#sendState();
    this.#listenUnheard();
  }

  /** Hears whether somebody speaks who is muted. */
  #listenUnheard(): void {
    const isMuted = this.#isOpen && !this.#own.isOn('microphone') && this.#room.role !== 'listener';
    const track = isMuted ? this.#own.microphone : null;
    if (track !== this.#unheardTrack) this.#unheard.read(track);
    this.#unheardTrack = track;
  }

  #remind(): void {
    const now = performance.now();
    if (now - this.#remindedAt < REMIND_AFTER) return;
    this.#remindedAt = now;
    note('You are muted: nobody hears you');
  }

  async #showFigures(): Promise<void> {
    const { connection } = this.#peer;
    if (this.#panel.page !== 'settings' || !connection) {
      this.#traffic = null;
      return;
    }
    const now = readTraffic(await connection.getStats());
    showRows($('figures'), figureRows(now, this.#traffic));
    this.#traffic = now;
  }

  #send(message: ClientMessage): void {
    if (!this.#peer.send(message)) note('That was not sent: there is no connection');
  }

  #forget(): void {
    this.#sentState = '';
    this.#view.forget();
  }

  #pin(shown: Shown): void {
    const isPinned = this.#pinned && keyOf(this.#pinned) === keyOf(shown);
    this.#pinned = isPinned ? null : shown;
    this.show();
  }

  #showFloor(): void {
    const room = this.#room;
    const floor = $('floor');
    const plan: Plan = place(order(room, this.#mode, this.#pinned), room.lastSpeaker,
      floor.clientWidth, floor.clientHeight);
    this.#floor.show(plan, (shown) => this.#detailOf(shown));
    $('floor-hint').hidden = plan.placed.length > 0 || !room.you;
    const full = (document.fullscreenElement as HTMLElement | null)?.dataset['key'];
    const seen = plan.placed.map((one) => (keyOf(one.shown) !== full ? one
      : { ...one, rect: { left: 0, top: 0, width: innerWidth, height: innerHeight } }));
    const sizes = sizesOf(this.#peer.receiving, room, seen, devicePixelRatio, document.hidden);
    if (room.you) this.#view.report(sizes, this.#pinned ? [this.#pinned.id] : []);
  }

  #detailOf(shown: Shown): Detail {
    const { id, source } = shown;
    const room = this.#room;
    const who = room.roster.get(id);
    const isMine = id === room.you;
    const isScreen = source === 'screen';
    const name = who?.name || 'Somebody';
    const owner = isMine ? 'You' : name;
    const sends = isScreen ? who?.screen : who?.video;
    const mid = sends ? room.slotOf(id, source) : null;
    const received = mid === null ? null : this.#peer.receiving.get(mid)?.stream ?? null;
    const pinned = this.#pinned !== null && keyOf(this.#pinned) === keyOf(shown);
    const isMuted = isMine ? !this.#own.isOn('microphone') : !who?.audio;
    return {
      label: isScreen ? (isMine ? 'Your screen' : `${name}'s screen`) : owner, name,
      stream: isMine ? this.#own.stream(source) : received, isMine,
      isMirrored: isMine && !isScreen, isPinned: pinned,
      isMuted: isMuted && !isScreen,
      speaks: !isScreen && !isMuted && room.speakers.includes(id),
    };
  }

  #showTools(): void {
    const own = this.#own;
    const isListener = this.#room.role === 'listener';
    for (const source of SOURCES) {
      const isOn = own.isOn(source);
      const button = $(`tool-${source}`) as HTMLButtonElement;
      const words = { microphone: isOn ? 'Mute' : 'Unmute',
        camera: isOn ? 'Stop camera' : 'Start camera',
        screen: isOn ? 'Stop sharing' : 'Share screen' }[source];
      setTool(button, isOn || source === 'screen' ? source : `${source}-off`, words, KEYS[source]);
      button.classList.toggle('off', !isOn && source !== 'screen');
      button.classList.toggle('on', isOn && source === 'screen');
      const can = source === 'screen' ? canShareScreen() : canCapture();
      button.disabled = own.isBusy;
      button.hidden = !can || isListener;
    }
    for (const page of PANEL_PAGES) {
      setTool($(`tool-${page}`), page, PANEL_TITLES[page], page === 'settings' ? '' : page[0]
        .toUpperCase());
    }
    if (this.#badge.parentElement !== $('tool-chat')) $('tool-chat').append(this.#badge);
    setTool($('tool-leave'), 'leave', 'Leave');
  }

  /** Tells what we send, when that has changed. */
  #sendState(): void {
    const own = this.#own;
    const state = { type: 'state', audio: own.isOn('microphone'), video: own.isOn('camera'),
      screen: own.isOn('screen') } as const;
    const text = JSON.stringify(state);
    if (!this.#room.you || text === this.#sentState) return;
    if (this.#peer.send(state)) this.#sentState = text;
  }

  async #toggle(source: Source): Promise<void> {
    if ($(`tool-${source}`).hidden) return;
    const isWanted = !this.#own.isOn(source);
    const isDone = await this.#own.set(source, isWanted);
    if (!isDone && this.#own.trouble) note(`That did not work: ${this.#own.trouble}`);
  }

  #setMode(mode: Mode): void {
    this.#mode = mode;
    this.#pinned = null;
    for (const choice of $('mode').querySelectorAll('input')) {
      choice.checked = choice.value === mode;
    }
    this.show();
  }

  #listen(say: (text: string) => void): void {
    for (const source of SOURCES) {
      $(`tool-${source}`).addEventListener('click', () => this.#toggle(source));
    }
    $('mode').addEventListener('change', ({ target }) => {
      this.#setMode((target as HTMLInputElement).value === 'speaker' ? 'speaker' : 'grid');
    });
    $('chat-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const text = input('chat-text').value.trim();
      if (!text) return;
      say(text);
      input('chat-text').value = '';
    });
    addEventListener('click', () => this.#audio.resume());
    addEventListener('keydown', (event) => this.#key(event));
    for (const change of ['visibilitychange', 'fullscreenchange']) {
      document.addEventListener(change, () => this.show());
    }
    new ResizeObserver(() => this.show()).observe($('floor'));
  }

  #key(event: KeyboardEvent): void {
    if (!this.#isOpen || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.key === 'Escape') return this.#panel.close();
    if ((event.target as Element).closest('input, select, textarea')) return;
    const key = event.key.toUpperCase();
    const source = SOURCES.find((one) => KEYS[one] === key);
    if (source) this.#toggle(source);
    else if (key === 'C' || key === 'P') this.#panel.toggle(key === 'C' ? 'chat' : 'people');
    else if (key === 'G') this.#setMode(this.#mode === 'grid' ? 'speaker' : 'grid');
    else return;
    event.preventDefault();
  }
}
