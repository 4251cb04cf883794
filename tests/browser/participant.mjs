// SPDX-License-Identifier: LGPL-2.1-or-later
// A participant of a room: the page of rooms in Chromium, with what the tests ask of it.
import { until } from './server.mjs';
import { DESKTOP, Viewer } from './viewer.mjs';

/** Runs in the page before its scripts: the microphone has a tone, where a browser's own beeps now
 * and then, which is no speech. */
function speak() {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await real(wanted);
    if (!wanted.audio) return stream;
    const audio = new AudioContext();
    const out = audio.createMediaStreamDestination();
    const tone = new OscillatorNode(audio, { frequency: 300 });
    tone.connect(new GainNode(audio, { gain: 0.3 })).connect(out);
    tone.start();
    return new MediaStream([...stream.getVideoTracks(), ...out.stream.getAudioTracks()]);
  };
}

export class Participant extends Viewer {
  /** Opens the room's page. `settings`: what the page remembers of before, such as {height: '180'};
   * `fragment`: of the address; `speaks`: all the time, when not muted. */
  static async open(browser, server, room, name,
    { viewport = DESKTOP, settings = {}, fragment = '', speaks = false } = {}) {
    const remembered = JSON.stringify({ name, height: '360', ...settings });
    const participant = await Viewer.open(browser, server, '/assets/icon.svg', viewport, null);
    Object.setPrototypeOf(participant, Participant.prototype);
    participant.name = name;
    if (speaks) await participant.page.addInitScript(speak);
    await participant.page.evaluate((value) => {
      localStorage['penstock.room'] = value;
    }, remembered);
    await participant.page.goto(`${server.url}/room/${room}${fragment}`);
    return participant;
  }

  /** Opens the page, and joins once camera and microphone are on. */
  static async join(browser, server, room, name, options) {
    const participant = await Participant.open(browser, server, room, name, options);
    await participant.enter();
    return participant;
  }

  async enter() {
    await until(`${this.name}: the preview shows`, () => this.page.evaluate(() =>
      document.getElementById('preview').videoWidth > 0));
    await this.page.click('#join');
    await this.inRoom();
  }

  inRoom(ms) {
    return until(`${this.name} is in the room`, () => this.page.evaluate(() =>
      document.getElementById('main').dataset.view === 'meeting' &&
      document.querySelector('.tile.is-mine') !== null &&
      !document.getElementById('connection').textContent.startsWith('Interrupted')), ms);
  }

  /** The tiles that are shown: {key, label, hasVideo, speaks, isStage}. */
  tiles() {
    return this.page.evaluate(() => Array.from(document.querySelectorAll('.tile'), (tile) => ({
      key: tile.dataset.key,
      label: tile.querySelector('.tile-name').textContent,
      hasVideo: tile.classList.contains('has-video'),
      speaks: tile.classList.contains('speaks'),
      isStage: tile.classList.contains('is-stage'),
    })));
  }

  async labels() { return (await this.tiles()).map(({ label }) => label).sort(); }

  /** Waits until those tiles and no others are there. */
  sees(labels, ms) {
    const wanted = [...labels].sort().join();
    return until(`${this.name} sees ${wanted}`, async () => {
      const seen = (await this.labels()).join();
      if (seen !== wanted) throw new Error(`sees ${seen}`);
      return true;
    }, ms);
  }

  /** Waits until video with this label changes from look to look. */
  async moves(label, ms = 30000) {
    const look = () => this.page.evaluate((wanted) => {
      const tile = Array.from(document.querySelectorAll('.tile.has-video'))
        .find((one) => one.querySelector('.tile-name').textContent === wanted);
      if (!tile) return null;
      const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
      const context = canvas.getContext('2d');
      context.drawImage(tile.querySelector('video'), 0, 0, 64, 36);
      return context.getImageData(0, 0, 64, 36).data.join(' ');
    }, label);
    const first = await until(`${this.name} has video of ${label}`, look, ms);
    await until(`${this.name}'s video of ${label} moves`, async () => {
      const now = await look();
      return now !== null && now !== first;
    }, ms);
  }

  /** The sum of one figure over all that is received of a kind. */
  async received(kind, figure) {
    return this.page.evaluate(async ([wanted, key]) => {
      let sum = 0;
      (await window.peers.at(-1).getStats()).forEach((entry) => {
        if (entry.type === 'inbound-rtp' && entry.kind === wanted) sum += entry[key] ?? 0;
      });
      return sum;
    }, [kind, figure]);
  }

  /** Waits until more is heard than silence. */
  async hears(what, ms = 30000) {
    const before = await this.received('audio', 'totalAudioEnergy');
    await until(`${this.name} hears ${what}`, async () =>
      await this.received('audio', 'totalAudioEnergy') > before + 1e-5, ms);
  }

  /** Waits until the connection was agreed on again: never more than once, unless it was lost. */
  peers() { return this.page.evaluate(() => window.peers.length); }

  async write(text) {
    if (await this.page.isHidden('#page-chat')) await this.page.click('#tool-chat');
    await this.page.fill('#chat-text', text);
    await this.page.press('#chat-text', 'Enter');
  }

  async reads(text) {
    await until(`${this.name} reads '${text}'`, () => this.page.evaluate((wanted) =>
      Array.from(document.querySelectorAll('.chat-text'), (line) => line.textContent)
        .includes(wanted), text));
  }

  /** A host does something with somebody: presses the button with these words. */
  async host(name, words) {
    if (await this.page.isHidden('#page-people')) await this.page.click('#tool-people');
    const row = this.page.locator('.person', { hasText: name });
    if (await row.locator('.person-actions').isHidden()) await row.locator('.person-menu').click();
    await row.getByRole('button', { name: words, exact: true }).click();
  }

  /** Waits until the element says this. */
  says(id, pattern, ms) {
    return until(`${this.name}: #${id}`, async () => {
      const said = await this.page.textContent(`#${id}`);
      if (!pattern.test(said)) throw new Error(`it says '${said}', not ${pattern}`);
      return true;
    }, ms);
  }

  async close() {
    this.checkConduct();
    await this.page.context().close();
  }
}
