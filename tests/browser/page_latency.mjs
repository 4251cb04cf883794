// SPDX-License-Identifier: LGPL-2.1-or-later
// The latency that the page reads from stamps, and the way back to the edge.
import assert from 'node:assert/strict';
import { until } from './server.mjs';
import { DESKTOP, NAME, PHONE, Viewer, live } from './viewer.mjs';

export const latency = {
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
        // latencyread may join amid the stream; frames that both have read agree.
        if (times.has(frame)) assert.equal(time, times.get(frame), `frame ${frame}`);
      }
      const both = readings.filter(({ frame }) => times.has(frame));
      assert.ok(both.length > 100, `${both.length} frames were read by both`);
      // By the wall clock when the script is called, which is a frame before it is shown.
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
    // If the clock is an hour off, no number is shown.
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

  /** A viewer that was held up returns to the edge: by faster playback, or, if far behind, by a
   * jump. */
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
};
