// SPDX-License-Identifier: LGPL-2.1-or-later
// The page of rooms: /room/ asks for one, /room/NAME is one. It shows the lobby, then the meeting.
import { ScreenLock } from './awake.js';
import { canEncrypt, passphraseOf, RoomCipher } from './roomcipher.js';
import { captureChoice, Lobby, rememberRoom, showDevices, showStart } from './roomlobby.js';
import { Meeting, TAPPED, TAPPED_IN_VAIN } from './roommeeting.js';
import { OwnMedia } from './roomown.js';
import { note } from './roompanel.js';
import { RoomPeer } from './roompeer.js';
import { LONGEST_CHAT, type ServerMessage } from './roomprotocol.js';
import { RoomState } from './roomstate.js';
import { canCapture } from './sources.js';
import { copy, part, setText } from './view.js';

const $ = (id: string): HTMLElement => part(document, `#${id}`);
const input = (id: string): HTMLInputElement => $(id) as HTMLInputElement;

const NO_WEBRTC = 'This browser has no WebRTC, without which there are no rooms.';
const NO_ENCRYPTION = 'This browser, or an address without https://, can\'t encrypt end to end, ' +
  'as this room\'s address asks for.';
const UNREADABLE = 'Somebody here does not have this page\'s key: you can\'t see and hear each ' +
  'other';
const TOO_LONG = 'That is too long for one message';
const NOT_SENT = 'That was not sent: there is no connection';
const SOURCES = ['microphone', 'camera', 'screen'] as const;

/** The room's name: the last part of the path; empty: none is chosen. */
function roomName(): string {
  try {
    return decodeURIComponent(/^\/room\/([^/]+)$/.exec(location.pathname)?.[1] ?? '');
  } catch {
    return '';
  }
}

function openRoom(name: string): void {
  const room = new RoomState();
  const screenLock = new ScreenLock();
  const own = new OwnMedia(captureChoice, () => changed());
  const peer = new RoomPeer({ state: () => changed(), message: receive });
  const lobby = new Lobby(own, () => changed(), () => { join(); });
  const meeting = new Meeting(room, own, peer, say);
  let cipher: RoomCipher | null = null; // null: nothing is encrypted end to end
  let received = Promise.resolve();     // the last message, which may have to be decrypted
  let isIn = false; // the meeting is shown, also while it is joined again
  let trouble = ''; // why it can't be joined

  async function join(): Promise<void> {
    if (!('RTCPeerConnection' in window) || ['joining', 'joined'].includes(peer.state)) return;
    const passphrase = passphraseOf(location.hash);
    trouble = passphrase && !canEncrypt() ? NO_ENCRYPTION : '';
    if (trouble) return changed();
    cipher?.close();
    cipher = passphrase ? await RoomCipher.of(passphrase, name, () => note(UNREADABLE)) : null;
    $('lock').hidden = !cipher;
    sendTracks();
    // The server is told, so that nobody there tries to read it.
    const query = new URLSearchParams({ name: lobby.name, ...(cipher ? { encrypted: '1' } : {}) });
    const joined = encodeURIComponent(cipher?.roomName ?? name);
    peer.join({ url: `/room/${joined}/join?${query}`, key: lobby.key,
      videoSlots: lobby.videoSlots, sends: canCapture(), cipher });
  }

  async function say(text: string): Promise<void> {
    const said = cipher ? await cipher.seal(text) : text;
    if (new TextEncoder().encode(said).length > LONGEST_CHAT) note(TOO_LONG);
    else if (!peer.send({ type: 'chat', text: said })) note(NOT_SENT);
  }

  /** Gives the connection what is on; a listener's media would go nowhere. */
  function sendTracks(): void {
    const isListener = room.me?.role === 'listener';
    for (const source of SOURCES) peer.setTrack(source, isListener ? null : own.track(source));
  }

  function receive(message: ServerMessage): void {
    if (!cipher) return take(message);
    const reading = cipher;
    received = received.then(async () => take(await reading.readMessage(message)));
  }

  function take(message: ServerMessage): void {
    const before = message.type === 'changed' ? room.roster.get(message.who.id)?.role : undefined;
    const wasTapped = room.isTapped;
    room.apply(message);
    meeting.receive(message);
    if (message.type === 'welcome') rememberRoom(name);
    if (message.type === 'changed' && before && before !== message.who.role) {
      meeting.roleChanged(message.who, before);
    }
    if (room.isTapped && !wasTapped) note(cipher ? TAPPED_IN_VAIN : TAPPED);
    meeting.showTapped(cipher !== null);
    // A participant who may speak again decides anew what the others see and hear.
    if (room.me?.role === 'listener' && own.isOpen) own.close();
    changed();
  }

  function stateText(): string {
    switch (peer.state) {
      case 'failed': return `It did not work: ${peer.reason}.`;
      case 'removed': return 'A host has removed you from the room.';
      case 'lost': return `Interrupted: ${peer.reason}. Joining again…`;
      default: return trouble;
    }
  }

  function changed(): void {
    const { state } = peer;
    const shows = state === 'joined' || state === 'lost' || (isIn && state === 'joining');
    if (shows !== isIn) enter(shows);
    if (!isIn) lobby.show(stateText(), state !== 'idle' || trouble !== '', state === 'joining');
    sendTracks();
    const role = room.me?.role === 'listener' ? 'You are a listener' : '';
    setText($('connection'), isIn ? stateText() || role : '');
    $('meeting').toggleAttribute('data-lost', state === 'lost');
    meeting.show();
    screenLock.keep(isIn);
  }

  function enter(shows: boolean): void {
    isIn = shows;
    $('bar').hidden = shows;
    $('lobby').hidden = shows;
    $('meeting').hidden = !shows;
    $('main').dataset['view'] = shows ? 'meeting' : 'lobby';
    if (shows) {
      lobby.close();
      $('settings-devices').append($('devices'));
      input('new-name').value = lobby.name;
      meeting.setOutput(input('output').value);
      meeting.open();
      return;
    }
    meeting.close();
    room.clear();
    own.set('screen', false);
    $('name').closest('label')?.after($('devices'));
  }

  $('tool-leave').addEventListener('click', () => peer.leave());
  $('rename').addEventListener('submit', (event) => {
    event.preventDefault();
    const chosen = input('new-name').value.trim();
    if (!chosen) return;
    input('name').value = chosen;
    lobby.remember();
    peer.rename(chosen);
  });
  $('link').addEventListener('click', async () => {
    try {
      await copy(location.href);
      note('The address is copied: who opens it comes here');
    } catch {
      note('The browser does not let it be copied: take it from the address bar');
    }
  });
  $('main').addEventListener('change', async ({ target }) => {
    const { id } = target as HTMLElement;
    if (['camera', 'height'].includes(id)) await own.reopen('camera');
    if (['microphone', 'echo', 'noise', 'gain'].includes(id)) await own.reopen('microphone');
    if (id === 'output') meeting.setOutput(input('output').value);
    if (id !== 'chat-text') lobby.remember();
  });
  document.addEventListener('visibilitychange', () => screenLock.keep(isIn));
  // A page that comes back from the browser's memory has no connection any more.
  addEventListener('pageshow', ({ persisted }) => { if (persisted) location.reload(); });
  if (canCapture()) navigator.mediaDevices.addEventListener('devicechange', showDevices);

  setText($('lobby-title'), `Join ${name}`);
  setText($('title'), name);
  document.title = `${name} · Penstock`;
  $('lobby').hidden = false;
  $('main').dataset['view'] = 'lobby';
  if ('RTCPeerConnection' in window) lobby.open();
  else setText($('lobby-state'), NO_WEBRTC);
  changed();
}

const name = roomName();
if (name) openRoom(name);
else showStart((chosen) => { location.href = `/room/${encodeURIComponent(chosen)}`; });
