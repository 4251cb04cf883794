// SPDX-License-Identifier: LGPL-2.1-or-later
// What each address shows: the page without a stream, the address of a playlist, and the player in
// a frame.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { until } from './server.mjs';
import { DESKTOP, NAME, PHONE, SHOTS, Viewer, live } from './viewer.mjs';

const starts = (server) => server.penstock.output.split('requested by a viewer').length - 1;

export const addresses = {
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

    // Opened again while it is live: the page is shown, although a script has cached the playlist.
    await viewer.page.evaluate((path) => fetch(path, { cache: 'reload' }), playlist);
    await viewer.page.goto(server.url + playlist);
    assert.equal(viewer.page.url(), `${server.url}/#${NAME}`);
    await viewer.frames('after opening it again', 20, 30000);
    const fetched = await viewer.page.evaluate((path) => fetch(path).then((r) => r.text()), playlist);
    assert.match(fetched, /^#EXTM3U/, 'a script gets the playlist');
    const player = await fetch(server.url + playlist); // without a browser's headers
    assert.match(await player.text(), /^#EXTM3U/, 'a player gets the playlist');
    assert.equal(player.headers.get('vary'), 'Accept, Sec-Fetch-Dest, Accept-Encoding');
    const page = await fetch(server.url + playlist,
      { headers: { accept: 'text/html,*/*;q=0.8' }, redirect: 'manual' });
    assert.equal(page.status, 303);
    assert.equal(page.headers.get('cache-control'), 'no-store');
    // With its own player the page uses the browser's HLS, which requests the address as a video.
    await viewer.page.goto(`${server.url}/?native=1#${NAME}`);
    await viewer.frames('with the browser\'s own HLS', 20, 30000);
    viewer.checkConduct();
  },

  /** The playlist's address of an on-demand stream: a browser gets the page, which starts the
   * stream; nothing starts while there is no source. */
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
    // Opened again while it runs, once as a navigation and once as a player's request.
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

  /** The player in a frame: on a site that the description names, with the options in the query;
   * not on other sites. */
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
      await page.screenshot({ path: `${SHOTS}/embedded.png` });

      await page.goto(`${named}/?muted=0&autoplay=0`);
      await until('it waits to be started', async () => await state() === 'blocked', 20000);
      assert.equal(await frame().evaluate(() => document.getElementById('video').muted), false);
      await page.waitForTimeout(1000); // it would have begun by then
      assert.equal(await frame().evaluate(() => document.getElementById('video').readyState), 0);
      await page.screenshot({ path: `${SHOTS}/embedded-held.png` });
      await frame().click('#retry');
      await until('a click starts it', async () => await state() === 'playing', 30000);
      assert.deepEqual(errors, []);

      await page.goto(`${other}/`);
      await until('another site gets nothing', () => Promise.resolve(
        page.frames().some((f) => f.url().startsWith('chrome-error:'))));
      const main = await fetch(`${server.url}/`);
      assert.match(main.headers.get('content-security-policy'), /frame-ancestors 'none'$/);
      for (const path of ['/embed', '/embed/']) {
        assert.equal((await fetch(server.url + path)).status, 404, `${path} names no stream`);
      }
    } finally {
      for (const site of sites) {
        site.closeAllConnections();
        site.close();
      }
    }
  },
};
