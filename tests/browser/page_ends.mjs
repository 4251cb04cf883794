// SPDX-License-Identifier: LGPL-2.1-or-later
// What the page shows when the publisher or the server goes, and comes back.
import assert from 'node:assert/strict';
import { until } from './server.mjs';
import { DESKTOP, NAME, PHONE, Viewer, live } from './viewer.mjs';

export const ends = {
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
    const direct = await Viewer.open(browser, server, `/#${NAME}`, PHONE);
    await until('the player plays', async () => await viewer.state() === 'playing', 30000);
    await until('there is a choice', () => direct.page.isVisible('#transport'));
    await direct.page.check('#transport input[value="flv"]', { force: true });
    await until('FLV plays', async () => await direct.state() === 'playing', 30000);
    await direct.frames('FLV', 30);
    await viewer.frames('first', 30);
    const requests = [];
    viewer.page.on('response', (response) => requests.push(`${response.status()} ${response.url()}`));
    await first.stop();
    await until('FLV has ended', async () => await direct.state() === 'ended', 40000);
    await direct.page.evaluate(() => {
      const screen = document.getElementById('screen');
      window.states = [];
      new MutationObserver(() => window.states.push(screen.dataset.state))
        .observe(screen, { attributeFilter: ['data-state'] });
    });
    await until('it is off air', async () => await viewer.state() === 'ended', 40000);
    assert.match(await viewer.page.textContent('#veil-text'), /^Off air since .*\. It goes on here/);
    assert.match(await viewer.page.textContent('#facts'), /^OFF AIRsince /);
    assert.equal(await viewer.page.evaluate(() => document.getElementById('video').controls), false,
      'there is nothing to control');
    await until('the list says so', async () =>
      await list.page.textContent('#list-title') === 'Off air' &&
      await list.page.textContent('#count') === 'Nothing is live' &&
      /^Off air since /.test(await list.page.textContent('.meta')));
    assert.equal(await list.page.textContent('.badge'), 'OFF AIR');
    await viewer.shot('off-air-phone');
    await list.shot('off-air-list-phone');
    // The end is played once, not repeatedly.
    const playlists = () => requests.filter((r) => r.includes('.m3u8')).length;
    const before = playlists();
    await viewer.page.waitForResponse((response) => response.url().endsWith('/streams.json'));
    await viewer.page.waitForResponse((response) => response.url().endsWith('/streams.json'));
    assert.equal(playlists(), before, requests.join('\n'));
    assert.equal(await viewer.state(), 'ended');
    // Nor does the playlist, which stays for longer, repeat it to a viewer of FLV.
    assert.deepEqual(await direct.page.evaluate(
      () => window.states.filter((state) => state !== 'ended')), []);
    server.publish(file, NAME);
    await viewer.frames('after publishing again', 60, 40000);
    await direct.frames('FLV after publishing again', 30, 40000);
    assert.equal(await viewer.state(), 'playing');
    viewer.checkConduct();
    direct.checkConduct();
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
