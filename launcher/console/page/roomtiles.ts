// SPDX-License-Identifier: LGPL-2.1-or-later
// The tiles of a room: each a participant's video or initials, with the name. They are moved by
// their coordinates only, so that no video is interrupted. Names are only ever set as text.
import { initialsOf, keyOf, type Plan, type Rect, type Shown } from './roomlayout.js';
import { hue, make, setText } from './view.js';

/** The content of a tile. */
export interface Detail {
  readonly label: string;   // "Ann", "Ann's screen"
  readonly name: string;    // whose initials stand for the video
  readonly stream: MediaStream | null; // null: the initials
  readonly isMine: boolean;
  readonly isMirrored: boolean;
  readonly isMuted: boolean; // says so
  readonly speaks: boolean;
  readonly isPinned: boolean;
}

const SVG = 'http://www.w3.org/2000/svg';

/** One of the symbols of room.html. */
export function icon(name: string): SVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Puts an icon and a text into a button, if they are not there yet. */
export function setTool(button: HTMLElement, name: string, text: string, key = ''): void {
  if (button.dataset['icon'] === name && button.textContent === text) return;
  button.dataset['icon'] = name;
  button.replaceChildren(icon(name), make('span', '', text));
  button.title = key ? `${text} (${key})` : text;
}

function toggleFull(element: HTMLElement): void {
  if (document.fullscreenElement) document.exitFullscreen().catch(() => { /* it has ended */ });
  else element.requestFullscreen().catch(() => { /* this browser has none */ });
}

class Tile {
  readonly element = make('article', 'tile');
  readonly #video = make('video');
  readonly #avatar = make('span', 'avatar');
  readonly #name = make('span', 'tile-name');
  readonly #muted = icon('microphone-off');
  readonly #pin = make('button', 'small');

  constructor(shown: Shown, pin: () => void) {
    this.element.dataset['key'] = keyOf(shown);
    this.element.classList.toggle('is-screen', shown.source === 'screen');
    Object.assign(this.#video, { playsInline: true, muted: true, autoplay: true });
    // To fill the tile, too little of it would be seen.
    this.#video.addEventListener('resize', () => this.element.classList.toggle('is-upright',
      this.#video.videoHeight > this.#video.videoWidth));
    this.#avatar.setAttribute('aria-hidden', 'true');
    const label = make('p', 'tile-label');
    label.append(this.#muted, this.#name);
    const full = make('button', 'small');
    full.type = this.#pin.type = 'button';
    full.append(icon('full'));
    full.title = 'Whole screen';
    full.setAttribute('aria-label', 'Whole screen');
    this.#pin.append(icon('pin'));
    const tools = make('div', 'tile-tools');
    tools.append(this.#pin, full);
    this.element.append(this.#video, this.#avatar, label, tools);
    this.#pin.addEventListener('click', pin);
    full.addEventListener('click', () => toggleFull(this.element));
    this.element.addEventListener('dblclick', (event) => {
      if (!(event.target as Element).closest('button')) toggleFull(this.element);
    });
  }

  show(detail: Detail): void {
    const { label, name, isMuted, isPinned } = detail;
    this.#attach(detail.stream);
    setText(this.#name, label);
    setText(this.#avatar, initialsOf(name));
    this.element.style.setProperty('--hue', String(hue(name)));
    this.element.setAttribute('aria-label', isMuted ? `${label}, muted` : label);
    this.element.classList.toggle('speaks', detail.speaks);
    this.element.classList.toggle('is-mine', detail.isMine);
    this.element.classList.toggle('mirrored', detail.isMirrored);
    this.#muted.toggleAttribute('hidden', !isMuted);
    this.#pin.setAttribute('aria-pressed', String(isPinned));
    const words = isPinned ? `Let go of ${label}` : `Keep ${label} large`;
    this.#pin.title = words;
    this.#pin.setAttribute('aria-label', words);
  }

  place({ left, top, width, height }: Rect, isStage: boolean): void {
    const { style } = this.element;
    style.transform = `translate(${left}px, ${top}px)`;
    style.width = `${width}px`;
    style.height = `${height}px`;
    style.setProperty('--tile', `${Math.min(width, height)}px`);
    this.element.classList.toggle('is-stage', isStage);
    this.element.classList.toggle('is-little', width < 200);
  }

  /** The initials stay until a frame is there, which begins with a keyframe. */
  #attach(stream: MediaStream | null): void {
    if (this.#video.srcObject === stream) return;
    this.element.classList.remove('has-video');
    this.#video.srcObject = stream;
    if (!stream) return;
    this.#video.play().catch(() => { /* it is muted, and plays when it has data */ });
    const reveal = (): void => {
      if (this.#video.srcObject === stream) this.element.classList.add('has-video');
    };
    if (typeof this.#video.requestVideoFrameCallback === 'function') {
      this.#video.requestVideoFrameCallback(reveal);
    } else this.#video.onloadeddata = reveal;
  }

  remove(): void {
    this.#video.srcObject = null;
    this.element.remove();
  }
}

export class Floor {
  readonly #element: HTMLElement;
  readonly #more: HTMLElement;
  readonly #pin: (shown: Shown) => void;
  readonly #tiles = new Map<string, Tile>();

  /** `pin`: somebody is to be kept large, or no longer. */
  constructor(element: HTMLElement, more: HTMLElement, pin: (shown: Shown) => void) {
    this.#element = element;
    this.#more = more;
    this.#pin = pin;
  }

  show({ placed, more }: Plan, detailOf: (shown: Shown) => Detail): void {
    const gone = new Map(this.#tiles);
    for (const { shown } of placed) gone.delete(keyOf(shown));
    for (const [key, tile] of gone) {
      tile.remove();
      this.#tiles.delete(key);
    }
    placed.forEach(({ shown, rect, isStage }, index) => {
      const key = keyOf(shown);
      const tile = this.#tiles.get(key) ?? new Tile(shown, () => this.#pin(shown));
      this.#tiles.set(key, tile);
      tile.show(detailOf(shown));
      tile.place(rect, isStage);
      // The order for keyboards and screen readers is that which is seen.
      if (this.#element.children[index] !== tile.element) {
        this.#element.insertBefore(tile.element, this.#element.children[index] ?? null);
      }
    });
    this.#more.hidden = !more;
    if (!more) return;
    setText(this.#more, `+${more.count}`);
    this.#more.title = `${more.count} more`;
    const { left, top, width, height } = more.rect;
    Object.assign(this.#more.style, { transform: `translate(${left}px, ${top}px)`,
      width: `${width}px`, height: `${height}px` });
  }

  clear(): void {
    for (const tile of this.#tiles.values()) tile.remove();
    this.#tiles.clear();
    this.#more.hidden = true;
  }
}
