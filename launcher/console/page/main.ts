// SPDX-License-Identifier: LGPL-2.1-or-later
// The viewers' page: which stream is chosen (the fragment says), and what is shown for it.
import { delayRows, glassLine, showRows, type Row } from './delay.js';
import { Demand } from './demand.js';
import { GlassMeter } from './glass.js';
import { Player } from './player.js';
import { Screen } from './screen.js';
import { watchStreams, type Answer, type Stream } from './streams.js';
import { isTransport } from './transports.js';
import type { Milliseconds } from './units.js';
import {
  copyable, part, setText, showAddresses, showCards, showFacts, showOffAir, showTransports,
} from './view.js';

const $ = (id: string): HTMLElement => part(document, `#${id}`);
const video = $('video') as HTMLVideoElement;
const delay = $('delay') as HTMLDetailsElement;
const TRANSPORT = 'penstock.transport'; // localStorage key of a Transport
const glass = new GlassMeter(video);
const DELAY_EVERY: Milliseconds = 250; // interval between latency updates
const player = new Player(video, {
  forceNative: new URLSearchParams(location.search).get('native') === '1',
});

const screen = new Screen(player, video);

let answer: Answer | null = null;  // the server's latest answer
let current: Stream | null = null; // the selected stream, as listed by the server
let missing: string | null = null; // a selected stream that is not listed (yet)

const demand = new Demand(() => showState(), () => askNow());

const chosenName = (): string => {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return '';
  }
};

function rtmpAddress(): string {
  const at = answer?.rtmp.at(0) ?? { host: '', port: 1935 };
  const any = ['', '0.0.0.0', '::'].includes(at.host);
  const host = any ? location.hostname : at.host.includes(':') ? `[${at.host}]` : at.host;
  return `rtmp://${host}${at.port === 1935 ? '' : `:${at.port}`}`;
}

function showHowTo(): void {
  const server = `${rtmpAddress()}/live`;
  const key = answer?.rtmp.at(0)?.key ? '?key=KEY' : '';
  const url = (name: string): string => (key ? `'${server}/${name}${key}'` : `${server}/${name}`);
  copyable($('how-file'), `ffmpeg -re -i movie.mp4 -c copy -f flv ${url('movie')}`);
  copyable($('how-test'), 'ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 ' +
    '-f lavfi -i sine=frequency=440 -c:v libx264 -preset veryfast -tune zerolatency ' +
    `-pix_fmt yuv420p -g 60 -c:a aac -f flv ${url('test')}`);
  copyable($('how-server'), server);
  copyable($('how-key'), `cam${key}`);
  // Rooms alone: nobody can publish.
  const hasRoomsOnly = answer?.rooms === true && !answer.rtmp.length && !answer.rtc.length;
  for (const way of document.querySelectorAll<HTMLElement>('[data-rtmp]')) way.hidden = hasRoomsOnly;
  setText($('empty-title'), hasRoomsOnly ? 'Meet in a room' : 'Nothing is live yet');
  $('empty-text').hidden = hasRoomsOnly;
}

function showState(): void {
  screen.show(chosenName(), current, missing !== null && demand.begins);
  $('edge').hidden = !(current && player.state === 'playing' && player.farBehind);
}

/** Where other players find the stream; of one that is not listed, where it may come to be. */
function addressesOf(name: string, stream: Stream | null): Row[] {
  const rows: Row[] = [];
  if (stream?.rtmp ?? true) rows.push(['mpv, VLC or ffplay (RTMP)', `${rtmpAddress()}/${name}`]);
  for (const url of [stream?.ways.flv, stream?.ways.ts, stream?.ways.plain]) {
    if (url) rows.push(['mpv, VLC or ffplay (HTTP)', url]);
  }
  if (stream?.ways.hls) rows.push(['Any HLS player', stream.ways.hls]);
  if (stream?.dash) rows.push(['Any DASH player', stream.dash]);
  if (stream?.ways.rtc) rows.push(['Any WHEP player (WebRTC)', stream.ways.rtc]);
  return rows;
}

function show(): void {
  if (!answer) return;
  const name = chosenName();
  const stream = answer.streams.find((s) => s.name === name) ?? null;
  missing = name && !stream ? name : null;
  current = stream;

  $('publish').hidden = $('how-browser').hidden = answer.rtc.length === 0;
  $('rooms').hidden = $('how-rooms').hidden = !answer.rooms;
  const live = answer.streams.filter((s) => s.live).length;
  const none = answer.streams.length ? 'Nothing is live' : '';
  setText($('count'), live ? `${live} live ${live === 1 ? 'stream' : 'streams'}` : none);
  setText($('list-title'), live ? 'Live now' : 'Off air');
  screen.note(answer.streams);
  document.title = name ? `${name} · Penstock` : 'Penstock';

  $('main').dataset['view'] = name ? 'watch' : 'list';
  $('watch').hidden = !name;
  delay.hidden = !stream;
  $('streams').hidden = answer.streams.length === 0;
  $('empty').hidden = answer.streams.length !== 0 || Boolean(name);
  showCards($('cards'), answer.streams, name);
  if (!$('empty').hidden) showHowTo();

  if (name) {
    $('title').textContent = name;
    if (stream) showFacts($('facts'), stream, player.state === 'playing' ? player.latency : null);
    else if (screen.offSince(name) !== null) showOffAir($('facts'), screen.offSince(name));
    else $('facts').replaceChildren();
    showAddresses($('addresses'), addressesOf(name, stream));
    if (stream) player.play(stream);
    showTransports($('transport'), $('transport-note'), player);
  }
  if (!stream && player.state !== 'idle') player.stop();
  if (stream) player.update(stream.live);
  if (missing) demand.want(missing);
  showState();
}

/** Latency changes with each frame, so it is updated independently of the server's answers. */
function showDelay(): void {
  if (document.hidden || !current) return;
  const { figures } = glass;
  const line = player.state === 'playing' ? glassLine(figures) : '';
  $('glass').hidden = !line;
  setText($('glass'), line);
  if (delay.open) showRows($('delay-rows'), delayRows(figures, player, video.playbackRate));
}

try {
  const chosen = localStorage.getItem(TRANSPORT);
  player.use(isTransport(chosen) ? chosen : null);
} catch { /* a browser that remembers nothing */ }
player.addEventListener('state', () => {
  showTransports($('transport'), $('transport-note'), player);
  showState();
});
// Another stream, or another way: what was measured is of the past.
video.addEventListener('emptied', () => glass.reset());
delay.addEventListener('toggle', showDelay);
setInterval(showDelay, DELAY_EVERY);
$('transport').addEventListener('change', ({ target }) => {
  if (!(target instanceof HTMLInputElement) || !isTransport(target.value)) return;
  player.use(target.value);
  try {
    localStorage.setItem(TRANSPORT, target.value);
  } catch { /* as above */ }
  show();
});
video.addEventListener('volumechange', showState);
$('edge').addEventListener('click', () => player.goLive());
part(document, '[data-skip]').addEventListener('click', (event) => {
  event.preventDefault(); // the URL's fragment contains the stream's name
  (answer?.streams.length ? $('streams') : $('empty')).focus();
});
addEventListener('hashchange', () => {
  show();
  if (chosenName()) scrollTo({ top: 0 });
});

const askNow = watchStreams((latest) => {
  answer = latest;
  $('offline').hidden = true;
  show();
}, () => {
  $('offline').hidden = false;
});
