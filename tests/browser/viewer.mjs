// SPDX-License-Identifier: LGPL-2.1-or-later
// A page of the viewers in Chromium, with checks and waits for the tests.
import assert from 'node:assert/strict';
import { until } from './server.mjs';

/** The directory of the screenshots. */
export const SHOTS = process.argv[4];
export const NAME = 'live/cam';
export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };

/** Runs in the page before its scripts: counts frames shown, across every reload of the video. */
function countFrames() {
  window.shown = 0;
  window.readings = [];
  window.peers = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...of) {
      super(...of);
      window.peers.push(this);
    }
  };
  addEventListener('DOMContentLoaded', () => {
    const video = document.getElementById('video');
    if (!video) return; // a page that plays nothing
    const next = () => { window.shown += 1; video.requestVideoFrameCallback(next); };
    video.requestVideoFrameCallback(next);
  });
}

export class Viewer {
  /** `transport`: what the viewer has chosen before, unless the page remembers another; null: none.
   */
  static async open(browser, server, path, viewport, transport = 'hls') {
    const viewer = new Viewer();
    const context = await browser.newContext({ viewport, ignoreHTTPSErrors: true });
    viewer.page = await context.newPage();
    viewer.errors = [];
    viewer.foreign = [];
    viewer.page.on('pageerror', (error) => viewer.errors.push(error.message));
    viewer.page.on('console', (message) => {
      const text = message.text();
      if (message.type() === 'error' && !text.startsWith('Failed to load resource')) {
        viewer.errors.push(text);
      }
    });
    viewer.page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(`${server.url}/`) && !url.startsWith(`blob:${server.url}`)) {
        viewer.foreign.push(url);
      }
    });
    await viewer.page.addInitScript(countFrames);
    await viewer.page.addInitScript((chosen) => {
      if (chosen) localStorage['penstock.transport'] ??= chosen;
    }, transport);
    await viewer.page.goto(server.url + path);
    return viewer;
  }

  shown() { return this.page.evaluate(() => window.shown); }

  /** Waits until `count` more frames were shown than now. */
  async frames(what, count, ms) {
    const before = await this.shown();
    await until(`${what}: ${count} more pictures`, async () => await this.shown() >= before + count, ms);
  }

  /** A small copy of the frame, as text. */
  picture() {
    return this.page.evaluate(() => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
      const context = canvas.getContext('2d');
      context.drawImage(document.getElementById('video'), 0, 0, 64, 36);
      return context.getImageData(0, 0, 64, 36).data.join(' ');
    });
  }

  /** The number of audio bytes decoded so far, or of samples over WebRTC. */
  decodedSound() {
    return this.page.evaluate(async () => {
      const video = document.getElementById('video');
      if (!video.srcObject) return video.webkitAudioDecodedByteCount;
      let samples = 0;
      const report = await window.peers.at(-1).getStats();
      report.forEach((entry) => { samples += entry.totalSamplesReceived ?? 0; });
      return samples;
    });
  }

  state() { return this.page.getAttribute('#screen', 'data-state'); }

  shot(name) { return this.page.screenshot({ path: `${SHOTS}/${name}.png` }); }

  async choose() {
    await this.page.click(`a[href="#${NAME}"]`);
    await until('the player plays', async () => await this.state() === 'playing', 30000);
  }

  async checkPlayback() {
    await this.frames('playback', 40);
    const picture = await this.picture();
    await until('the picture changes', async () => await this.picture() !== picture);
    const sound = await this.decodedSound();
    await until('sound is decoded', async () => await this.decodedSound() > sound);
    const position = await this.page.evaluate(() => document.getElementById('video').currentTime);
    await until('the position advances', () => this.page.evaluate(
      (from) => document.getElementById('video').currentTime > from + 1, position));
  }

  /** From now on `window.readings` collects the reading of each frame. */
  listen() {
    return this.page.evaluate(() => {
      document.getElementById('video').addEventListener('latencyreading', ({ detail }) => {
        window.readings.push({ ...detail, now: Date.now(), shown: window.shown });
      });
    });
  }

  /** After the unmute button, Web Audio receives more than silence. */
  async checkLoudness() {
    assert.equal(await this.page.evaluate(() => document.getElementById('video').muted), true,
      'it starts muted');
    await this.page.click('#unmute');
    assert.equal(await this.page.evaluate(() => document.getElementById('video').muted), false,
      'the button unmutes it');
    await this.page.evaluate(async () => {
      const audio = new AudioContext();
      await audio.resume();
      window.analyser = audio.createAnalyser();
      const video = document.getElementById('video');
      // From an element that plays over WebRTC, Chromium gives silence.
      const source = video.srcObject ? audio.createMediaStreamSource(video.srcObject)
        : audio.createMediaElementSource(video);
      source.connect(window.analyser);
      window.analyser.connect(audio.destination);
    });
    await until('sound is audible', () => this.page.evaluate(() => {
      const samples = new Float32Array(window.analyser.fftSize);
      window.analyser.getFloatTimeDomainData(samples);
      return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length) > 0.0005;
    }));
  }

  checkConduct() {
    assert.deepEqual(this.errors, [], 'no script error and no breach of the content policy');
    assert.deepEqual(this.foreign, [], 'nothing is requested elsewhere');
  }
}

export const live = (server) => until('the stream is listed', async () =>
  (await server.streams()).some((s) => s.name === NAME && s.live), 30000);
