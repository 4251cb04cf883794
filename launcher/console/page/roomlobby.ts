// SPDX-License-Identifier: LGPL-2.1-or-later
// Before a room is joined: the name, the devices with a preview and a level, and what is remembered
// of them.
import type { CaptureChoice } from './roomcapture.js';
import { canEncrypt, newFragment, passphraseOf } from './roomcipher.js';
import { LevelMeter } from './roomlevel.js';
import type { OwnMedia } from './roomown.js';
import { setTool } from './roomtiles.js';
import { canCapture, listDevices, type Device } from './sources.js';
import { make, part, setText } from './view.js';

const $ = (id: string): HTMLElement => part(document, `#${id}`);
const select = (id: string): HTMLSelectElement => $(id) as HTMLSelectElement;
const input = (id: string): HTMLInputElement => $(id) as HTMLInputElement;

const STORED = 'penstock.room';   // localStorage key of the fields' values
const VISITED = 'penstock.rooms'; // and of the names of rooms, the last first
const MOST_VISITED = 8;
const FIELDS = ['name', 'camera', 'microphone', 'output', 'height', 'videos'];
const TICKS = ['echo', 'noise', 'gain'];
const NOT_SECURE = 'Browsers hand camera and microphone only to pages that come over https://, ' +
  'or from this machine (http://localhost). By this address you can only listen and watch.';

type Stored = Readonly<Record<string, unknown>>;

function recall(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null');
  } catch {
    return null;
  }
}

function remember(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch { /* a browser that remembers nothing */ }
}

/** The rooms that were joined, the last first. */
export function visitedRooms(): string[] {
  const names = recall(VISITED);
  return Array.isArray(names)
    ? names.filter((name): name is string => typeof name === 'string').slice(0, MOST_VISITED) : [];
}

export const rememberRoom = (name: string): void =>
  remember(VISITED, [name, ...visitedRooms().filter((other) => other !== name)]
    .slice(0, MOST_VISITED));

type Choice = readonly [value: string, text: string];

function fill(list: HTMLSelectElement, options: readonly Choice[]): void {
  const before = list.value || list.dataset['wanted'];
  list.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  if (options.some(([value]) => value === before)) list.value = before ?? '';
}

function named(devices: readonly Device[], what: string): Choice[] {
  const choices = devices.map(({ id, label }, i): Choice =>
    [id, label || (id ? `${what} ${i + 1}` : 'The default one')]);
  return choices.length ? choices : [['', 'None was found']];
}

/** Fills the lists of devices, which have names once the browser may tell them. */
export async function showDevices(): Promise<void> {
  if (!canCapture()) return;
  const { cameras, microphones, outputs } = await listDevices();
  fill(select('camera'), named(cameras, 'Camera'));
  fill(select('microphone'), named(microphones, 'Microphone'));
  fill(select('output'), named(outputs, 'Loudspeaker'));
  $('output-field').hidden = outputs.length < 2 || !('setSinkId' in HTMLMediaElement.prototype);
}

/** The devices that are chosen, before and in the room. */
export const captureChoice = (): CaptureChoice => ({
  camera: select('camera').value,
  microphone: select('microphone').value,
  height: Number(select('height').value),
  echoCancellation: input('echo').checked,
  noiseSuppression: input('noise').checked,
  autoGainControl: input('gain').checked,
});

export class Lobby {
  readonly #own: OwnMedia;
  readonly #meter: LevelMeter;
  #measured: MediaStreamTrack | null = null;
  #wantsMicrophone = true;
  #wantsCamera = true;

  /** `changed`: something else is chosen. `join`: the form was sent. */
  constructor(own: OwnMedia, changed: () => void, join: () => void) {
    this.#own = own;
    this.#meter = new LevelMeter((level) => {
      $('level').style.transform = `scaleX(${level.toFixed(2)})`;
      $('meter').setAttribute('aria-valuenow', String(Math.round(level * 100)));
    });
    this.#recall();
    // The devices would push the button out of a phone's sight, and most leave them as they are.
    ($('devices') as HTMLDetailsElement).open = innerWidth > 600;
    $('form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.remember();
      join();
    });
    $('encrypt').addEventListener('change', () => {
      const { pathname, search } = location;
      history.replaceState(null, '', pathname + search +
        (input('encrypt').checked ? newFragment() : ''));
      changed();
    });
    addEventListener('hashchange', changed);
    for (const source of ['microphone', 'camera'] as const) {
      $(`lobby-${source}`).addEventListener('click', async () => {
        await own.set(source, !own.isOn(source));
        await showDevices();
        this.#note();
      });
    }
  }

  get name(): string { return input('name').value.trim(); }
  get key(): string { return input('key').value; }
  get videoSlots(): number { return Number(select('videos').value); }

  /** Asks for the devices that were on last time. */
  async open(): Promise<void> {
    await showDevices();
    if (canCapture()) await this.#own.open(this.#wantsMicrophone, this.#wantsCamera);
    await showDevices(); // now with their names
  }

  /** `state`: how joining goes; `isBusy`: it is under way. */
  show(state: string, isFailed: boolean, isBusy: boolean): void {
    const own = this.#own;
    const can = canCapture();
    const preview = $('preview') as HTMLVideoElement;
    const stream = own.stream('camera');
    if (preview.srcObject !== stream) {
      preview.srcObject = stream;
      preview.play().catch(() => { /* it is muted, and plays when it has data */ });
    }
    part(document, '.over').hidden = !can;
    const asks = own.isBusy ? 'The browser asks whether this page may use them…'
      : 'The camera is off';
    setText($('hint'), stream ? '' : can ? asks : NOT_SECURE);
    for (const source of ['microphone', 'camera'] as const) {
      const isOn = own.isOn(source);
      const button = $(`lobby-${source}`) as HTMLButtonElement;
      setTool(button, isOn ? source : `${source}-off`,
        `Turn the ${source} ${isOn ? 'off' : 'on'}`);
      button.classList.toggle('off', !isOn);
      button.disabled = !can || own.isBusy;
    }
    const measured = own.track('microphone');
    if (measured !== this.#measured) this.#meter.read(measured);
    this.#measured = measured;
    const trouble = own.trouble ? `Not all is on: ${own.trouble}.` : '';
    setText($('lobby-state'), state || trouble);
    $('lobby-state').dataset['kind'] = isFailed || (!state && trouble) ? 'failed' : '';
    setText($('join'), isBusy ? 'Joining…' : can ? 'Join' : 'Join to listen and watch');
    ($('join') as HTMLButtonElement).disabled = isBusy;
    $('devices').hidden = !can;
    const isEncrypted = passphraseOf(location.hash) !== '';
    $('lobby-lock').hidden = !isEncrypted;
    input('encrypt').checked = isEncrypted;
    input('encrypt').disabled = !canEncrypt();
  }

  /** The lobby is not seen any more: nothing is measured. */
  close(): void {
    this.#meter.read(null);
    this.#measured = null;
    ($('preview') as HTMLVideoElement).srcObject = null;
  }

  remember(): void {
    const values: Record<string, unknown> = { wantsMicrophone: this.#wantsMicrophone,
      wantsCamera: this.#wantsCamera };
    for (const id of FIELDS) values[id] = (id === 'name' ? input(id) : select(id)).value;
    for (const id of TICKS) values[id] = input(id).checked;
    remember(STORED, values);
  }

  #note(): void {
    this.#wantsMicrophone = this.#own.isOn('microphone');
    this.#wantsCamera = this.#own.isOn('camera');
    this.remember();
  }

  #recall(): void {
    const values = recall(STORED);
    if (typeof values !== 'object' || values === null) return;
    const stored = values as Stored;
    for (const id of FIELDS) {
      const value = stored[id];
      if (typeof value !== 'string') continue;
      const field = id === 'name' ? input(id) : select(id);
      if (field instanceof HTMLSelectElement) {
        // Devices are not listed yet.
        field.dataset['wanted'] = value;
        if (Array.from(field.options).some((option) => option.value === value)) field.value = value;
      } else field.value = value;
    }
    for (const id of TICKS) if (typeof stored[id] === 'boolean') input(id).checked = stored[id];
    this.#wantsMicrophone = stored['wantsMicrophone'] !== false;
    this.#wantsCamera = stored['wantsCamera'] !== false;
  }
}

/** The page without a room's name: asks for one, and lists those that were visited. */
export function showStart(go: (name: string) => void): void {
  $('main').dataset['view'] = 'start';
  $('start').hidden = false;
  const rooms = visitedRooms();
  $('recent').hidden = rooms.length === 0;
  $('recent-list').replaceChildren(...rooms.map((name) => {
    const item = make('li');
    const link = make('a', 'inline', name);
    link.href = `/room/${encodeURIComponent(name)}`;
    item.append(link);
    return item;
  }));
  $('start-form').addEventListener('submit', (event) => {
    event.preventDefault();
    go(input('start-name').value);
  });
  input('start-name').focus();
}
