// SPDX-License-Identifier: LGPL-2.1-or-later
// The player alone, for a frame of another site: /embed/live/NAME?muted=0&autoplay=0.
import { Demand } from './demand.js';
import { Player } from './player.js';
import { Screen } from './screen.js';
import { watchStreams, type Stream } from './streams.js';
import { part } from './view.js';

const query = new URLSearchParams(location.search);

/** `?name=0` or `?name=false` is off, any other value on. */
function flag(name: string, ifAbsent: boolean): boolean {
  const value = query.get(name);
  return value === null ? ifAbsent : !['0', 'false', 'no', 'off'].includes(value.toLowerCase());
}

function nameOf(path: string): string {
  try {
    return decodeURIComponent(path.slice('/embed/'.length));
  } catch {
    return '';
  }
}

const name = nameOf(location.pathname);
const video = part(document, '#video') as HTMLVideoElement;
video.muted = flag('muted', true);
const player = new Player(video, { forceNative: false });
const screen = new Screen(player, video);
let current: Stream | null = null;
let isHeld = !flag('autoplay', true); // until the viewer starts it

const demand = new Demand(() => show(), () => askNow());

function show(): void {
  if (current && !isHeld) {
    player.play(current);
    player.update(current.live);
  } else if (player.state !== 'idle') {
    player.stop();
  }
  screen.show(name, current, demand.begins, isHeld);
}

document.title = name;
player.addEventListener('state', () => screen.show(name, current, demand.begins, isHeld));
video.addEventListener('volumechange', () => screen.show(name, current, demand.begins, isHeld));
part(document, '#retry').addEventListener('click', () => {
  isHeld = false;
  show();
});
const askNow = watchStreams(({ streams }) => {
  screen.note(streams);
  current = streams.find((stream) => stream.name === name) ?? null;
  if (!current && !isHeld) demand.want(name);
  show();
}, () => { /* the player itself tries again */ });
