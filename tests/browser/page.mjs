// SPDX-License-Identifier: LGPL-2.1-or-later
// The viewers' page in a real browser: page.mjs TEST PENSTOCK SCREENSHOT-DIRECTORY
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { Server, certificate, footage, until } from './server.mjs';

const [test, program, shots] = process.argv.slice(2);
const NAME = 'live/cam';
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Runs in the page before its scripts: counts frames shown, across every reload of the video. */
function countFrames() {
  window.shown = 0;
  window.readings = [];
  addEventListener('DOMContentLoaded', () => {
    const video = document.getElementById('video');
    const next = () => { window.shown += 1; video.requestVideoFrameCallback(next); };
    video.requestVideoFrameCallback(next);
  });
}

class Viewer {
  static async open(browser, server, path, viewport) {
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
    await viewer.page.goto(server.url + path);
    return viewer;
  }

  shown() { return this.page.evaluate(() => window.shown); }

  /** Waits until `count` more frames were shown than now. */
  async frames(what, count, ms) {
    const before = await this.shown();
    await until(`${what}: ${count} more pictures`, async () => await this.shown() >= before + count, ms);
  }

  /** A small copy of the picture, as text. */
  picture() {
    return this.page.evaluate(() => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
      const context = canvas.getContext('2d');
      context.drawImage(document.getElementById('video'), 0, 0, 64, 36);
      return context.getImageData(0, 0, 64, 36).data.join(' ');
    });
  }

  /** Bytes of sound decoded so far. */
  decodedSound() {
    return this.page.evaluate(() => document.getElementById('video').webkitAudioDecodedByteCount);
  }

  state() { return this.page.getAttribute('#screen', 'data-state'); }

  shot(name) { return this.page.screenshot({ path: `${shots}/${name}.png` }); }

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

  /** From here on `window.readings` has what is read of each frame. */
  listen() {
    return this.page.evaluate(() => {
      document.getElementById('video').addEventListener('latencyreading', ({ detail }) => {
        window.readings.push({ ...detail, now: Date.now(), shown: window.shown });
      });
    });
  }

  /** After the unmute button: what Web Audio hears is not silence. */
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
      audio.createMediaElementSource(document.getElementById('video')).connect(window.analyser);
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

const live = (server) => until('the stream is listed', async () =>
  (await server.streams()).some((s) => s.name === NAME && s.live), 30000);

/** What runs in a test; `live` in those that are not here. */
const DESCRIPTIONS = {
  demand: ['live', 'on-demand'],
  direct: [fileURLToPath(new URL('direct.yaml', import.meta.url))],
};
const starts = (server) => server.penstock.output.split('requested by a viewer').length - 1;

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 800 };

const TESTS = {
  /** Nothing is live: the page says how to publish, and fits a phone. */
  async empty(browser, server) {
    const viewer = await Viewer.open(browser, server, '/', PHONE);
    await viewer.page.waitForSelector('#empty:not([hidden])');
    const line = await viewer.page.textContent('#how-file');
    assert.ok(line.endsWith(`rtmp://127.0.0.1:${server.rtmp}/live/movie`), line);
    assert.ok(await viewer.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
      'nothing sticks out at the side');
    await viewer.shot('empty-phone');

    const page = await fetch(server.url);
    assert.match(page.headers.get('content-type'), /^text\/html/);
    assert.match(page.headers.get('content-security-policy'), /^default-src 'none'; script-src 'self';/);
    const asset = await fetch(`${server.url}/assets/main.js`);
    assert.match(asset.headers.get('content-type'), /^text\/javascript/);
    assert.equal(asset.headers.get('x-content-type-options'), 'nosniff');
    const again = await fetch(`${server.url}/assets/main.js`,
      { headers: { 'if-none-match': asset.headers.get('etag') } });
    assert.equal(again.status, 304);
    for (const path of ['/assets/', '/assets/../index.html', '/assets/nothing.js', '/elsewhere']) {
      assert.equal((await fetch(server.url + path)).status, 404, path);
    }

    await server.penstock.stop();
    server.settings = ['--set', 'publish-key=secret'];
    await server.run();
    await until('the page says that a key is needed', async () =>
      await viewer.page.textContent('#how-key') === 'cam?key=KEY', 30000);
    assert.ok((await viewer.page.textContent('#how-file')).endsWith(
      `'rtmp://127.0.0.1:${server.rtmp}/live/movie?key=KEY'`));
    viewer.checkConduct();
  },

  /** A click on the stream plays it with hls.js: pictures, sound, on both widths. */
  async play(browser, server, file) {
    server.publish(file, NAME);
    await live(server);
    const viewer = await Viewer.open(browser, server, '/', DESKTOP);
    await viewer.page.waitForSelector('.card');
    await viewer.shot('list-desktop');
    await viewer.choose();
    assert.match(await viewer.page.getAttribute('#video', 'src'), /^blob:/, 'hls.js plays');
    await viewer.checkPlayback();
    await viewer.shot('playing-desktop');
    await viewer.checkLoudness();
    await viewer.page.setViewportSize(PHONE);
    await viewer.frames('on a phone', 10);
    await viewer.shot('playing-phone');
    viewer.checkConduct();
  },

  /** FLV, chosen at the switch: pictures and sound go on, closer to the edge, and it is remembered. */
  async flv(browser, server, file) {
    const publisher = server.publish(file, NAME);
    await live(server);
    const viewer = await Viewer.open(browser, server, '/', DESKTOP);
    await viewer.choose();
    const source = await viewer.page.getAttribute('#video', 'src');
    await viewer.page.check('#transport input[value="flv"]', { force: true });
    await until('FLV plays', async () => await viewer.state() === 'playing' &&
      await viewer.page.getAttribute('#video', 'src') !== source, 30000);
    const stream = (await server.streams()).find((s) => s.name === NAME);
    assert.equal(stream.flv, `/${NAME}.flv`);
    await viewer.checkPlayback();
    await until('it is close to the edge', () => viewer.page.evaluate(() => {
      const behind = /([\d.]+) s behind/.exec(document.getElementById('facts').textContent);
      return behind && Number(behind[1]) < 1.5;
    }), 30000);
    await viewer.shot('playing-flv');
    await viewer.checkLoudness();
    await viewer.page.setViewportSize(PHONE);
    await viewer.shot('playing-flv-phone');
    assert.ok(await viewer.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
      'nothing sticks out at the side');

    await viewer.page.reload();
    await until('it plays again', async () => await viewer.state() === 'playing', 30000);
    assert.ok(await viewer.page.isChecked('#transport input[value="flv"]'), 'FLV is remembered');
    await publisher.stop();
    server.publish(file, NAME);
    await viewer.frames('after the publisher came back', 30, 30000);
    await viewer.page.check('#transport input[value="hls"]', { force: true });
    await viewer.frames('over HLS again', 30, 30000);
    viewer.checkConduct();
  },

  /** All of it over TLS: the page, hls.js, mpegts.js, and FLV over a WebSocket. */
  async https(browser, server, file) {
    server.publish(file, NAME);
    await live(server);
    const viewer = await Viewer.open(browser, server, '/', DESKTOP);
    assert.match(viewer.page.url(), /^https:/);
    await viewer.choose();
    await viewer.checkPlayback();
    const source = await viewer.page.getAttribute('#video', 'src');
    await viewer.page.check('#transport input[value="flv"]', { force: true });
    await until('FLV plays', async () => await viewer.state() === 'playing' &&
      await viewer.page.getAttribute('#video', 'src') !== source, 30000);
    await viewer.checkPlayback();
    await viewer.shot('playing-https');
    const first = await viewer.page.evaluate((url) => new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.binaryType = 'arraybuffer';
      socket.onmessage = ({ data }) => { resolve(new TextDecoder().decode(data.slice(0, 3))); socket.close(); };
      socket.onerror = () => reject(new Error('the WebSocket failed'));
    }), `${server.url.replace('https:', 'wss:')}/${NAME}.flv`);
    assert.equal(first, 'FLV');
    viewer.checkConduct();
  },

  /** The same with Chromium's own HLS. */
  async native(browser, server, file) {
    server.publish(file, NAME);
    await live(server);
    const viewer = await Viewer.open(browser, server, '/?native=1', DESKTOP);
    await viewer.choose();
    assert.match(await viewer.page.getAttribute('#video', 'src'), /^http.*\.m3u8$/,
      'the browser itself plays');
    await viewer.checkPlayback();
    await viewer.shot('playing-native');
    viewer.checkConduct();
  },

  /** A browser that opens the playlist's address is shown the page, before the stream is there too. */
  async navigate(browser, server, file) {
    const playlist = `/${NAME}/index.m3u8`;
    const viewer = await Viewer.open(browser, server, playlist, DESKTOP);
    assert.equal(viewer.page.url(), `${server.url}/#${NAME}`);
    await viewer.page.waitForSelector('#watch:not([hidden])');
    assert.equal(await viewer.page.textContent('#title'), NAME);
    server.publish(file, NAME);
    await live(server);
    await until('the player plays', async () => await viewer.state() === 'playing', 30000);
    await viewer.checkPlayback();
    await viewer.shot('navigated');

    // Opened again while it is live: the playlist that scripts have cached is not what is shown.
    await viewer.page.evaluate((path) => fetch(path, { cache: 'reload' }), playlist);
    await viewer.page.goto(server.url + playlist);
    assert.equal(viewer.page.url(), `${server.url}/#${NAME}`);
    await viewer.frames('after opening it again', 20, 30000);
    const fetched = await viewer.page.evaluate((path) => fetch(path).then((r) => r.text()), playlist);
    assert.match(fetched, /^#EXTM3U/, 'a script gets the playlist');
    const player = await fetch(server.url + playlist); // without a browser's headers
    assert.match(await player.text(), /^#EXTM3U/, 'a player gets the playlist');
    assert.equal(player.headers.get('vary'), 'Accept, Sec-Fetch-Dest');
    const page = await fetch(server.url + playlist,
      { headers: { accept: 'text/html,*/*;q=0.8' }, redirect: 'manual' });
    assert.equal(page.status, 303);
    assert.equal(page.headers.get('cache-control'), 'no-store');
    // Its own picture takes the browser's own HLS, which fetches the address as a video.
    await viewer.page.goto(`${server.url}/?native=1#${NAME}`);
    await viewer.frames('with the browser\'s own HLS', 20, 30000);
    viewer.checkConduct();
  },

  /** Of a stream made on demand, a browser that opens the playlist's address gets the page, which
   * has the stream made; of one that nothing can be made from, nothing starts. */
  async demand(browser, server, file) {
    const small = `${NAME}_480p`;
    const viewer = await Viewer.open(browser, server, `/${small}/index.m3u8`, DESKTOP);
    assert.equal(viewer.page.url(), `${server.url}/#${small}`);
    await viewer.page.waitForSelector('#watch:not([hidden])');
    await until('it is missing', async () => await viewer.state() === 'ended');
    assert.equal(starts(server), 0, 'nobody publishes what it is made from');
    server.publish(file, NAME);
    await until('the player plays', async () => await viewer.state() === 'playing', 40000);
    await viewer.checkPlayback();
    assert.equal(await viewer.page.evaluate(() => document.getElementById('video').videoHeight), 480);
    await viewer.shot('on-demand');
    // Opened again while it runs, as a navigation and as a player does it.
    const page = await fetch(`${server.url}/${small}/index.m3u8`,
      { headers: { accept: 'text/html,*/*;q=0.8' }, redirect: 'manual' });
    assert.deepEqual([page.status, page.headers.get('location')], [303, `/#${small}`]);
    const player = await fetch(`${server.url}/${small}/index.m3u8`);
    assert.match(await player.text(), /^#EXTM3U/);
    await viewer.page.goto(`${server.url}/${small}/index.m3u8`);
    await viewer.frames('after opening it again', 20, 30000);
    assert.equal(starts(server), 1, 'one pipeline for all of it');
    viewer.checkConduct();
  },

  /** Stamped frames: over HLS and over FLV the page reads what was stamped, and tells the latency. */
  async latency(browser, server) {
    server.publishStamped(NAME);
    await live(server);
    const times = server.witness(NAME);
    const viewer = await Viewer.open(browser, server, '/', DESKTOP);
    await viewer.listen();
    const medians = {};
    for (const transport of ['hls', 'flv']) {
      if (transport === 'hls') await viewer.choose();
      else await viewer.page.check('#transport input[value="flv"]', { force: true });
      await until(`${transport} is read`, () => viewer.page.evaluate(() => window.readings.length > 30), 40000);
      await viewer.page.evaluate(() => { window.readings = []; });
      await until(`${transport} is read on`, () => viewer.page.evaluate(() => window.readings.length >= 150), 40000);
      const readings = await viewer.page.evaluate(() => window.readings);
      const [first, last] = [readings[0], readings.at(-1)];
      await until('latencyread has read as far', () => times.has(last.frame));
      const share = readings.length / (last.shown - first.shown + 1);
      assert.ok(share > 0.95, `${share} of the pictures shown are read`);
      for (const { frame, source, time, verdict } of readings) {
        assert.equal(source, 7);
        assert.notEqual(verdict, 'clock');
        // latencyread may join amid the stream; what both have is the same.
        if (times.has(frame)) assert.equal(time, times.get(frame), `frame ${frame}`);
      }
      const both = readings.filter(({ frame }) => times.has(frame));
      assert.ok(both.length > 100, `${both.length} frames were read by both`);
      // By the clock of the day when the script is called: a frame before it is shown.
      const apart = both.map(({ frame, latency, now }) => latency - (now / 1000 - times.get(frame) / 1e6));
      apart.sort((a, b) => a - b);
      assert.ok(Math.abs(apart[apart.length >> 1]) < 1 / 30, `latencies are ${apart[apart.length >> 1]} s apart`);
      const latencies = readings.map(({ latency }) => latency).sort((a, b) => a - b);
      medians[transport] = latencies[latencies.length >> 1];
      const text = await viewer.page.textContent('#glass');
      const told = Number(/^Glass to glass (\d+) ms$/.exec(text)?.[1]) / 1000;
      assert.ok(told >= latencies[0] - 1 && told <= latencies.at(-1) + 1, `${text}; ${medians[transport]}`);
    }
    console.log(`# glass to glass, median: HLS ${medians.hls.toFixed(3)} s, FLV ${medians.flv.toFixed(3)} s`);
    assert.ok(medians.flv < medians.hls, 'FLV is closer to the edge');
    assert.ok(await viewer.page.isHidden('#unmute'), 'a stream without sound has no button for it');
    await viewer.page.click('#delay summary');
    await until('the details are there', async () => /read, .*unreadable/.test(await viewer.page.textContent('#delay-rows')));
    await viewer.shot('latency');
    await viewer.page.setViewportSize(PHONE);
    await viewer.shot('latency-phone');
    assert.ok(await viewer.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
      'nothing sticks out at the side');
    // A clock that is an hour off gives no number.
    await viewer.page.evaluate(() => {
      const real = Date.now;
      Date.now = () => real() - 3600000;
    });
    await until('the page says that the clocks differ', async () =>
      await viewer.page.textContent('#glass') === 'Glass to glass: the clocks differ');
    viewer.checkConduct();
    await viewer.page.close();
    // The browser's own HLS is read as well.
    const own = await Viewer.open(browser, server, `/?native=1#${NAME}`, DESKTOP);
    await own.listen();
    await until('the browser\'s own HLS is read', () => own.page.evaluate(() =>
      window.readings.length >= 60), 40000);
    const readings = (await own.page.evaluate(() => window.readings)).filter(({ frame }) => times.has(frame));
    assert.ok(readings.length > 30, `${readings.length} frames were read by both`);
    for (const { frame, time, verdict } of readings) {
      assert.notEqual(verdict, 'clock');
      assert.equal(time, times.get(frame), `frame ${frame}`);
    }
    assert.match(await own.page.textContent('#glass'), /^Glass to glass \d+ ms$/);
    own.checkConduct();
  },

  /** A viewer that was held up comes back to the edge: played faster, or, far behind, by a jump. */
  async catchup(browser, server) {
    server.publishStamped(NAME);
    await live(server);
    const viewer = await Viewer.open(browser, server, '/', DESKTOP);
    await viewer.choose();
    const latency = () => viewer.page.evaluate(() => window.readings.at(-1)?.latency);
    const rate = () => viewer.page.evaluate(() => document.getElementById('video').playbackRate);
    await viewer.listen();
    const hold = async (ms) => {
      await viewer.page.evaluate(() => document.getElementById('video').pause());
      await viewer.page.waitForTimeout(ms);
      await viewer.page.evaluate(() => { window.readings = []; document.getElementById('video').play(); });
    };
    await until('HLS is played and read', async () => await latency() > 0, 40000);
    await hold(3000);
    await until('HLS is played faster', async () => await rate() > 1, 30000);

    await viewer.page.check('#transport input[value="flv"]', { force: true });
    await until('FLV is close to the edge', async () => await latency() < 2.5 && await rate() === 1, 60000);
    const before = await latency();
    await hold(2500);
    const held = await until('it is behind', async () => { const now = await latency(); return now > before + 1.5 && now; });
    await until('it plays faster', async () => await rate() > 1);
    await viewer.page.click('#delay summary');
    await until('the page says so', async () => /Playing at\s*1\.\d[1-9]×|Playing at\s*1\.1/.test(await viewer.page.textContent('#delay-rows')));
    assert.match(await viewer.page.textContent('#delay-rows'), /Up to 1\.1× from .* it jumps/);
    await until('it is closer', async () => await latency() < held - 0.5, 30000);
    const seeks = () => viewer.page.evaluate(() => window.seeks);
    await viewer.page.evaluate(() => {
      window.seeks = 0;
      document.getElementById('video').addEventListener('seeking', () => { window.seeks += 1; });
    });
    await hold(8000);
    await until('it jumps', async () => await seeks() > 0, 5000);
    await until('it is close again', async () => await latency() < 2.5, 10000);
    viewer.checkConduct();
  },

  /** The publisher leaves and comes back: playback goes on in the same page. */
  async republish(browser, server, file) {
    const first = server.publish(file, NAME);
    await live(server);
    const viewer = await Viewer.open(browser, server, `/#${NAME}`, DESKTOP); // a deep link
    await until('the player plays', async () => await viewer.state() === 'playing', 30000);
    await viewer.frames('first', 30);
    await first.stop();
    await until('playback stops', async () => {
      const before = await viewer.shown();
      await viewer.page.waitForTimeout(1000); // a picture would have come by then
      return await viewer.shown() === before;
    }, 30000);
    server.publish(file, NAME);
    await viewer.frames('after publishing again', 60, 40000);
    assert.equal(await viewer.state(), 'playing');
    viewer.checkConduct();
  },

  /** The publisher leaves for good: the page says since when, on the list too; when another comes, it
   * plays on. */
  async ended(browser, server, file) {
    await server.penstock.stop();
    server.settings = ['--set', 'grace=1s', '--set', 'segment=1s'];
    await server.run();
    const first = server.publish(file, NAME);
    await live(server);
    const viewer = await Viewer.open(browser, server, `/#${NAME}`, PHONE);
    const list = await Viewer.open(browser, server, '/', PHONE);
    await until('the player plays', async () => await viewer.state() === 'playing', 30000);
    await viewer.frames('first', 30);
    const requests = [];
    viewer.page.on('response', (response) => requests.push(`${response.status()} ${response.url()}`));
    await first.stop();
    await until('it is off air', async () => await viewer.state() === 'ended', 40000);
    assert.match(await viewer.page.textContent('#veil-text'), /^Off air since .*\. It goes on here/);
    assert.match(await viewer.page.textContent('#facts'), /^OFF AIRsince /);
    await until('the list says so', async () =>
      await list.page.textContent('#list-title') === 'Off air' &&
      await list.page.textContent('#count') === 'Nothing is live' &&
      /^Off air since /.test(await list.page.textContent('.meta')));
    assert.equal(await list.page.textContent('.badge'), 'OFF AIR');
    await viewer.shot('off-air-phone');
    await list.shot('off-air-list-phone');
    // The end is played once, not over and over.
    const playlists = () => requests.filter((r) => r.includes('.m3u8')).length;
    const before = playlists();
    await viewer.page.waitForResponse((response) => response.url().endsWith('/streams.json'));
    await viewer.page.waitForResponse((response) => response.url().endsWith('/streams.json'));
    assert.equal(playlists(), before, requests.join('\n'));
    assert.equal(await viewer.state(), 'ended');
    server.publish(file, NAME);
    await viewer.frames('after publishing again', 60, 40000);
    assert.equal(await viewer.state(), 'playing');
    viewer.checkConduct();
  },

  /** A stream that has no playlist is listed, and played: FLV, MPEG-TS, and sound. */
  async direct(browser, server) {
    const viewer = await Viewer.open(browser, server, '/', DESKTOP);
    await until('all are listed', async () => (await server.streams()).filter((s) => s.live).length === 3);
    for (const [name, seen] of [['live/flv', true], ['live/ts.ts', true], ['live/sound.mp3', false]]) {
      await viewer.page.click(`a[href="#${name}"]`);
      await until(`${name} plays`, async () => await viewer.page.textContent('#title') === name &&
        await viewer.state() === 'playing', 30000);
      if (seen) await viewer.frames(name, 20, 20000);
      const sound = await viewer.decodedSound();
      await until(`the sound of ${name}`, async () => await viewer.decodedSound() > sound);
      assert.equal(await viewer.page.isHidden('#sound-only'), seen, name);
      assert.ok(await viewer.page.isHidden('#transport'), 'there is no choice');
      assert.doesNotMatch(await viewer.page.textContent('#addresses'), /RTMP|HLS/, name);
      await viewer.shot(`direct-${name.replace(/\W/g, '-')}`);
    }
    viewer.checkConduct();
  },

  /** The player in a frame: of a site that the description names, as its query says; not of others. */
  async embed(browser, server, file) {
    const sites = await Promise.all([0, 1].map(() => new Promise((resolve) => {
      const site = createServer((request, response) => {
        response.setHeader('content-type', 'text/html');
        const query = new URL(request.url, 'http://site').search;
        response.end(`<!doctype html><title>a site</title><iframe allow="autoplay; fullscreen"
          width="640" height="360" src="${server.url}/embed/${NAME}${query}"></iframe>`);
      });
      site.listen(0, '127.0.0.1', () => resolve(site));
    })));
    const [named, other] = sites.map((site) => `http://127.0.0.1:${site.address().port}`);
    try {
      await server.penstock.stop();
      server.settings = ['--set', `embed=${named}`];
      await server.run();
      server.publish(file, NAME);
      await live(server);
      const context = await browser.newContext({ viewport: DESKTOP });
      const page = await context.newPage();
      const errors = [];
      page.on('pageerror', (error) => errors.push(error.message));
      const frame = () => page.frames().find((f) => f.url().startsWith(server.url));
      const state = () => frame().getAttribute('#screen', 'data-state');

      await page.goto(`${named}/`);
      await until('the frame plays', async () => await state() === 'playing', 30000);
      assert.equal(await frame().$('header'), null, 'there is nothing but the player');
      const box = await frame().evaluate(() => {
        const { width, height } = document.getElementById('screen').getBoundingClientRect();
        return [width, height, document.documentElement.scrollHeight];
      });
      assert.deepEqual(box, [640, 360, 360], 'it fills the frame');
      assert.equal(await frame().evaluate(() => document.getElementById('video').muted), true);
      await page.screenshot({ path: `${shots}/embedded.png` });

      await page.goto(`${named}/?muted=0&autoplay=0`);
      await until('it waits to be started', async () => await state() === 'blocked', 20000);
      assert.equal(await frame().evaluate(() => document.getElementById('video').muted), false);
      await page.waitForTimeout(1000); // it would have begun by then
      assert.equal(await frame().evaluate(() => document.getElementById('video').readyState), 0);
      await page.screenshot({ path: `${shots}/embedded-held.png` });
      await frame().click('#retry');
      await until('a click starts it', async () => await state() === 'playing', 30000);
      assert.deepEqual(errors, []);

      await page.goto(`${other}/`);
      await until('another site gets nothing', () => Promise.resolve(
        page.frames().some((f) => f.url().startsWith('chrome-error:'))));
      const main = await fetch(`${server.url}/`);
      assert.match(main.headers.get('content-security-policy'), /frame-ancestors 'none'$/);
    } finally {
      for (const site of sites) {
        site.closeAllConnections();
        site.close();
      }
    }
  },

  /** The server dies and comes back: the page says so, then goes on. */
  async restart(browser, server, file) {
    server.publish(file, NAME);
    await live(server);
    const viewer = await Viewer.open(browser, server, `/#${NAME}`, DESKTOP);
    await until('the player plays', async () => await viewer.state() === 'playing', 30000);
    await viewer.frames('first', 30);
    await server.penstock.stop('SIGKILL');
    await viewer.page.waitForSelector('#offline:not([hidden])');
    await viewer.shot('offline');
    await server.run();
    await viewer.page.waitForSelector('#offline', { state: 'hidden' });
    server.publish(file, NAME);
    await live(server);
    await viewer.frames('after the restart', 60, 40000);
    viewer.checkConduct();
  },
};

mkdirSync(shots, { recursive: true });
const run = TESTS[test];
if (!run) throw new Error(`no test ${test}: ${Object.keys(TESTS).join(', ')}`);
const file = footage(shots);
const server = await Server.start(program, DESCRIPTIONS[test], test === 'https' ? certificate(shots) : null);
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  await run(browser, server, file);
  await browser.close();
  const code = server.penstock.process.exitCode ?? await server.penstock.stop();
  assert.equal(code, 0, 'penstock ends with exit code 0');
  console.log(`ok: ${test}`);
} catch (error) {
  process.exitCode = 1;
  console.error(error);
  const page = browser.contexts()[0]?.pages()[0];
  await page?.screenshot({ path: `${shots}/failed-${test}.png` }).catch(() => {});
  console.error(server.log);
} finally {
  await browser.close();
  await server.stop();
}
