// SPDX-License-Identifier: LGPL-2.1-or-later
// How the page plays a stream: hls.js, the browser's own HLS, FLV, over TLS, and streams without a
// playlist.
import assert from 'node:assert/strict';
import { until } from './server.mjs';
import { DESKTOP, NAME, PHONE, Viewer, live } from './viewer.mjs';

export const transports = {
  /** A click on the stream plays it with hls.js: video and audio, at both widths. */
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

  /** FLV, chosen at the switch: video and audio continue, closer to the edge, and the choice is
   * remembered. */
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

  /** All of it over TLS: the page and hls.js over HTTP/2, mpegts.js, and FLV over a WebSocket. */
  async https(browser, server, file) {
    server.publish(file, NAME);
    await live(server);
    const viewer = await Viewer.open(browser, server, '/', DESKTOP);
    assert.match(viewer.page.url(), /^https:/);
    await viewer.choose();
    await viewer.checkPlayback();
    const loaded = () => viewer.page.evaluate((url) => [...performance.getEntriesByType('navigation'),
      ...performance.getEntriesByType('resource')].filter(({ name }) => name.startsWith(url))
      .map(({ name, nextHopProtocol }) => `${nextHopProtocol} ${name}`), server.url);
    const playlists = async () => (await loaded()).filter((line) => line.includes('.m3u8')).length;
    assert.ok(await playlists() > 0, (await loaded()).join('\n'));
    assert.deepEqual((await loaded()).filter((line) => !line.startsWith('h2 ')), []);
    const source = await viewer.page.getAttribute('#video', 'src');
    await viewer.page.check('#transport input[value="flv"]', { force: true });
    await until('FLV plays', async () => await viewer.state() === 'playing' &&
      await viewer.page.getAttribute('#video', 'src') !== source, 30000);
    await viewer.checkPlayback();
    await viewer.shot('playing-https');
    // The address is still asked over HTTP/2.
    const before = await playlists();
    await viewer.page.check('#transport input[value="hls"]', { force: true });
    await until('HLS plays again', async () => await viewer.state() === 'playing' &&
      await playlists() > before, 30000);
    assert.deepEqual((await loaded()).filter((line) => !line.startsWith('h2 ')), []);
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

  /** A stream without a playlist is listed and played: FLV, MPEG-TS, and audio. */
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
};
