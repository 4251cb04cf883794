// SPDX-License-Identifier: LGPL-2.1-or-later
// The page plays and publishes over WebRTC, with the server's own WHIP and WHEP. What goes wrong is
// in page_webrtc.mjs, where a stand-in does it on demand.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { until } from './server.mjs';
import { DESKTOP, NAME, SHOTS, Viewer, live } from './viewer.mjs';
import { AUTOMATIC, isOverRtc, plays, says } from './page_webrtc.mjs';

const listed = async (server, name) => (await server.streams()).find((s) => s.name === name);

export const rtc = {
  /** WebRTC is what the page begins with, closer to the edge than FLV; leaving ends it at once. */
  async rtc_play(browser, server) {
    server.publishStamped(NAME, { audio: true });
    await live(server);
    assert.equal((await listed(server, NAME)).rtc, `/${NAME}/whep`);
    const viewer = await Viewer.open(browser, server, '/', DESKTOP, AUTOMATIC);
    await viewer.choose();
    await plays(viewer, 'rtc');
    assert.ok(await isOverRtc(viewer), 'a MediaStream plays');
    await viewer.checkPlayback();
    await viewer.listen();
    const medians = {}, ended = []; // ended: what the server says to the end of a session
    viewer.page.on('response', (response) => {
      if (response.request().method() === 'DELETE') ended.push(response.status());
    });
    for (const transport of ['rtc', 'flv']) {
      if (transport === 'flv') {
        await viewer.page.check('#transport input[value="flv"]', { force: true });
        await plays(viewer, 'flv');
      } else {
        await viewer.checkLoudness();
        await viewer.shot('rtc-desktop');
      }
      await viewer.page.evaluate(() => { window.readings = []; });
      await until(`${transport} is read`, () => viewer.page.evaluate(() =>
        window.readings.length >= 150), 40000);
      const readings = await viewer.page.evaluate(() => window.readings);
      const latencies = readings.map(({ latency }) => latency).sort((a, b) => a - b);
      medians[transport] = latencies[latencies.length >> 1];
    }
    console.log(`# glass to glass, median: ${JSON.stringify(medians)}`);
    assert.ok(medians.rtc < medians.flv, 'WebRTC is closer to the edge');
    assert.deepEqual(ended, [200], 'the session is ended before the connection');
    await viewer.page.check('#transport input[value="rtc"]', { force: true });
    await plays(viewer, 'rtc');
    await until('one is watching', async () => (await listed(server, NAME)).viewers === 1);
    viewer.checkConduct();
    await viewer.page.goto('about:blank');
    await until('nobody is watching', async () => (await listed(server, NAME)).viewers === 0);
  },

  /** The server dies and comes back: playback goes on over WebRTC. */
  async rtc_restart(browser, server) {
    const publisher = server.publishStamped(NAME, { audio: true });
    await live(server);
    const viewer = await Viewer.open(browser, server, `/#${NAME}`, DESKTOP, AUTOMATIC);
    await plays(viewer, 'rtc');
    await viewer.frames('first', 20);
    await server.penstock.stop('SIGKILL');
    await publisher.stop();
    await viewer.page.waitForSelector('#offline:not([hidden])');
    await server.run();
    server.publishStamped(NAME, { audio: true });
    await live(server);
    await plays(viewer, 'rtc', 60000);
    await viewer.frames('after the restart', 40, 40000);
    viewer.checkConduct();
  },

  /** The publisher leaves and comes back: playback goes on over WebRTC. */
  async rtc_republish(browser, server) {
    const first = server.publishStamped(NAME, { audio: true });
    await live(server);
    const viewer = await Viewer.open(browser, server, `/#${NAME}`, DESKTOP, AUTOMATIC);
    await plays(viewer, 'rtc');
    await viewer.frames('first', 20);
    await first.stop();
    await until('it has gone', async () => !(await listed(server, NAME))?.live, 30000);
    server.publishStamped(NAME, { audio: true });
    await plays(viewer, 'rtc', 60000);
    await viewer.frames('after publishing again', 40, 40000);
    viewer.checkConduct();
  },

  /** B-frames, which WebRTC can't carry: the server encodes the stream without, and it plays. */
  async rtc_bframes(browser, server) {
    const file = `${SHOTS}/bframes.mp4`;
    execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i',
      'testsrc2=size=640x360:rate=25:duration=8', '-c:v', 'libx264', '-preset', 'veryfast',
      '-bf', '2', '-pix_fmt', 'yuv420p', '-g', '50', file]);
    server.publish(file, NAME);
    await live(server);
    const viewer = await Viewer.open(browser, server, `/#${NAME}`, DESKTOP, AUTOMATIC);
    await plays(viewer, 'rtc', 60000);
    assert.ok(await isOverRtc(viewer), 'a MediaStream plays');
    await viewer.frames('over WebRTC', 60, 30000);
    viewer.checkConduct();
  },

  /** Camera and microphone, published from the page, are watched over WebRTC and over HLS. */
  async rtc_publish(browser, server) {
    const name = 'live/mine';
    const viewer = await Viewer.open(browser, server, '/', DESKTOP, AUTOMATIC);
    await until('there is a button for it', () => viewer.page.isVisible('#publish'));
    await viewer.page.click('#publish');
    await viewer.page.waitForURL('**/publish');
    await viewer.page.fill('#name', name);
    await viewer.page.selectOption('#height', '360');
    await viewer.page.click('#go');
    await says(viewer, 'state', /^Live as live\/mine\.$/);
    await says(viewer, 'facts', /640 × 360.*H\.264.*round trip \d+ ms/, 30000);
    await until('it is live', async () => (await listed(server, name))?.live);
    const watcher = await Viewer.open(browser, server, `/#${name}`, DESKTOP, AUTOMATIC);
    await plays(watcher, 'rtc');
    await watcher.checkPlayback();
    await watcher.page.check('#transport input[value="hls"]', { force: true });
    await plays(watcher, 'hls', 40000);
    await watcher.checkPlayback();
    await viewer.page.click('#go');
    await until('it is over', async () => !(await listed(server, name))?.live, 30000);
    viewer.checkConduct();
    watcher.checkConduct();
  },
};
