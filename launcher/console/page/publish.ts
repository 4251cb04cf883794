// SPDX-License-Identifier: LGPL-2.1-or-later
// The page that publishes from the browser: /publish, or /publish#live/NAME.
import { ScreenLock } from './awake.js';
import { Publisher, encodable, type Codec, type Figures } from './publisher.js';
import { NoSource, Source, canCapture, canShareScreen, listDevices, type Device,
  type Wish } from './sources.js';
import { watchStreams, whipPath } from './streams.js';
import { part, setText } from './view.js';

const $ = (id: string): HTMLElement => part(document, `#${id}`);
const select = (id: string): HTMLSelectElement => $(id) as HTMLSelectElement;
const input = (id: string): HTMLInputElement => $(id) as HTMLInputElement;
const button = (id: string): HTMLButtonElement => $(id) as HTMLButtonElement;

const REMEMBERED = ['name', 'height', 'rate', 'bitrate', 'codec'];
const STORED = 'penstock.publish'; // localStorage key of their values
const NO_MICROPHONE = 'none';
const HINT = 'Nothing is captured yet. Preview shows what would be sent.';
const NOT_SECURE = 'Browsers hand camera, microphone and screen only to pages that come over ' +
  'https://, or from this machine (http://localhost). Open this page by such an address.';
const NO_WEBRTC = 'This browser has no WebRTC, by which it could publish.';

const preview = $('preview') as HTMLVideoElement;
const publisher = new Publisher();
const screenLock = new ScreenLock();
let source: Source | null = null;
let isBusy = false; // the browser asks the user
let trouble = '';   // why nothing is captured
let isMute = false;

const isOn = (): boolean => !['idle', 'failed'].includes(publisher.state);

const chosen = (): Wish['picture'] => {
  const found = $('picture').querySelector<HTMLInputElement>('input:checked')?.value;
  return found === 'screen' || found === 'none' ? found : 'camera';
};

const wish = (): Wish => ({
  picture: chosen(),
  camera: select('camera').value,
  microphone: select('microphone').value === NO_MICROPHONE ? null : select('microphone').value,
  height: Number(select('height').value),
  rate: Number(select('rate').value),
});

const bits = (rate: number): string =>
  (rate < 1e6 ? `${Math.round(rate / 1000)} kbit/s` : `${(rate / 1e6).toFixed(1)} Mbit/s`);

const NAMES: Readonly<Record<string, string>> = { H264: 'H.264' };
const LIMITS: Readonly<Record<string, string>> = {
  cpu: 'this machine is too slow for more',
  bandwidth: 'the network takes no more',
};

/** What is sent now. */
function factsOf(figures: Figures | null): string[] {
  if (!figures) return [];
  const { bitrate, width, height, rate, codec, roundTrip, layers, limitedBy } = figures;
  return [
    bitrate ? bits(bitrate) : '',
    width ? `${width} × ${height}` : '',
    width && rate ? `${Math.round(rate)} frames/s` : '',
    NAMES[codec] ?? codec,
    layers > 1 ? `${layers} sizes` : '',
    roundTrip === null ? '' : `round trip ${Math.round(roundTrip * 1000)} ms`,
    LIMITS[limitedBy] ?? '',
  ].filter(Boolean);
}

function stateText(): string {
  switch (publisher.state) {
    case 'connecting': return 'Connecting…';
    case 'live': return `Live as ${input('name').value}.`;
    case 'lost': return `Interrupted: ${publisher.reason}. Connecting again…`;
    case 'failed': return `It did not work: ${publisher.reason}.`;
    case 'idle': return trouble ? `Nothing is captured: ${trouble}.` : '';
  }
}

function showFacts(): void {
  const facts = factsOf(publisher.figures);
  const badge = document.createElement('span');
  badge.className = 'badge';
  badge.textContent = 'LIVE';
  const texts = facts.map((fact) => {
    const element = document.createElement('span');
    element.textContent = fact;
    return element;
  });
  $('facts').replaceChildren(...(publisher.state === 'live' ? [badge] : []), ...texts);
}

const stayAwake = (): Promise<void> => screenLock.keep(isOn());

function show(): void {
  const isPublishing = isOn();
  const { picture } = wish();
  const cannot = !canCapture() ? NOT_SECURE : 'RTCPeerConnection' in window ? '' : NO_WEBRTC;
  setText($('state'), stateText());
  $('state').dataset['kind'] = trouble && publisher.state === 'idle' ? 'failed' : publisher.state;
  showFacts();
  setText($('hint'), cannot || (source || isBusy ? '' : HINT));
  $('sound-only').hidden = !source || source.stream.getVideoTracks().length > 0;
  $('camera-field').hidden = picture !== 'camera';
  for (const id of ['height', 'rate', 'bitrate', 'codec', 'simulcast']) {
    $(id).closest('label')?.toggleAttribute('hidden', picture === 'none');
  }
  ($('fields') as HTMLFieldSetElement).disabled = isPublishing || isBusy || Boolean(cannot);
  const go = button('go');
  setText(go, isPublishing ? 'Stop' : 'Go live');
  go.classList.toggle('stop', isPublishing);
  go.disabled = isBusy || Boolean(cannot);
  $('form').toggleAttribute('data-live', isPublishing);
  setText($('show'), source ? 'End preview' : 'Preview');
  button('show').disabled = isPublishing || isBusy || Boolean(cannot);
  $('mute').hidden = !source?.stream.getAudioTracks().length;
  $('mute').setAttribute('aria-pressed', String(isMute));
  setText($('mute'), isMute ? 'Unmute' : 'Mute');
  const watch = $('watch') as HTMLAnchorElement;
  watch.hidden = publisher.state !== 'live';
  watch.href = `/#${input('name').value}`;
}

type Choice = readonly [value: string, text: string];

function fill(list: HTMLSelectElement, options: readonly Choice[]): void {
  const before = list.value;
  list.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  if (options.some(([value]) => value === before)) list.value = before;
}

async function showDevices(): Promise<void> {
  if (!canCapture()) return;
  const { cameras, microphones } = await listDevices();
  const named = (devices: readonly Device[], what: string): Choice[] =>
    devices.map(({ id, label }, i) => [id, label || (id ? `${what} ${i + 1}` : 'The default one')]);
  const [cameraList, microphoneList] = [named(cameras, 'Camera'), named(microphones, 'Microphone')];
  fill(select('camera'), cameraList.length ? cameraList : [['', 'None was found']]);
  fill(select('microphone'), [...microphoneList, [NO_MICROPHONE, 'No microphone']]);
}

function release(): void {
  source?.close();
  source = null;
  preview.srcObject = null;
  show();
}

/** Captures what is chosen. False if that can't be. */
async function capture(): Promise<boolean> {
  release();
  isBusy = true;
  trouble = '';
  show();
  try {
    source = await Source.open(wish());
    source.mute(isMute);
    const opened = source;
    opened.watch((kind) => {
      if (source !== opened) return;
      publisher.stop();
      release();
      trouble = kind === 'picture' ? 'the picture has ended' : 'the microphone is gone';
      show();
    });
    preview.classList.toggle('mirrored', wish().picture === 'camera');
    preview.srcObject = source.stream;
    preview.play().catch(() => { /* it is muted, and may be started by hand */ });
    await showDevices(); // now with their names
  } catch (error) {
    trouble = error instanceof NoSource ? error.message : String(error);
  }
  isBusy = false;
  show();
  return source !== null;
}

async function go(): Promise<void> {
  if (isOn()) return publisher.stop();
  if (!source && !await capture()) return;
  if (!source) return;
  publisher.start(source.stream, {
    url: whipPath(input('name').value),
    key: input('key').value,
    codec: select('codec').value as Codec,
    bitrate: Number(select('bitrate').value),
    simulcast: input('simulcast').checked,
  });
}

function remember(): void {
  const values = REMEMBERED.map((id) => [id, ($(id) as HTMLInputElement).value]);
  try {
    localStorage.setItem(STORED, JSON.stringify(Object.fromEntries(values)));
  } catch { /* a browser that remembers nothing */ }
}

function recall(): void {
  try {
    const values: unknown = JSON.parse(localStorage.getItem(STORED) ?? '{}');
    for (const [id, value] of Object.entries(values ?? {})) {
      const field = $(id) as HTMLInputElement | HTMLSelectElement;
      const isThere = field instanceof HTMLInputElement ||
        Array.from(field.options).some((option) => option.value === value);
      if (REMEMBERED.includes(id) && typeof value === 'string' && isThere) field.value = value;
    }
  } catch { /* as above */ }
  try {
    const name = decodeURIComponent(location.hash.slice(1));
    if (name) input('name').value = name;
  } catch { /* not a name */ }
}

fill(select('codec'), encodable().map((codec) => [codec, NAMES[codec] ?? codec]));
recall();
for (const choice of $('picture').querySelectorAll('input')) {
  choice.disabled = choice.value === 'screen' && !canShareScreen();
}
showDevices().then(show);
if (canCapture()) navigator.mediaDevices.addEventListener('devicechange', showDevices);

publisher.addEventListener('state', () => {
  show();
  stayAwake();
});
$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  remember();
  go();
});
$('show').addEventListener('click', () => (source ? release() : capture()));
$('mute').addEventListener('click', () => {
  isMute = !isMute;
  source?.mute(isMute);
  show();
});
// Camera and microphone are captured anew with each choice, a screen only by a press of the button.
$('form').addEventListener('change', ({ target }) => {
  const { id, name } = target as HTMLInputElement;
  const isOfSource = ['camera', 'microphone', 'height', 'rate'].includes(id) || name === 'picture';
  if (source && isOfSource) {
    if (wish().picture === 'screen') release();
    else capture();
  }
  show();
});
watchStreams(({ rtc }) => {
  const needsKey = rtc.some(({ key }) => key);
  setText($('key-hint'), needsKey ? 'The server wants one' : 'If the server wants one');
}, () => { /* publishing says so itself */ });
show();
