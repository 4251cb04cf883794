// SPDX-License-Identifier: LGPL-2.1-or-later
// The page plays and publishes over WebRTC, with a stand-in for the server: how it falls back when
// that does not work, and what it leaves behind.
import assert from 'node:assert/strict';
import { until } from './server.mjs';
import { DESKTOP, NAME, PHONE, Viewer, live } from './viewer.mjs';

export const AUTOMATIC = null; // the page chooses the transport

export const plays = (viewer, transport, ms = 30000) => until(`${transport} plays`, async () =>
  await viewer.state() === 'playing' &&
  await viewer.page.isChecked(`#transport input[value="${transport}"]`), ms);
export const isOverRtc = (viewer) => viewer.page.evaluate(() =>
  document.getElementById('video').srcObject !== null);
const text = (viewer, id) => viewer.page.textContent(`#${id}`);
/** Waits until the element says this. */
export const says = (viewer, id, pattern, ms) => until(`#${id}`, async () => {
  const said = await text(viewer, id);
  if (!pattern.test(said)) throw new Error(`it says '${said}', not ${pattern}`);
  return true;
}, ms);
const checkWidth = async (viewer) => assert.ok(await viewer.page.evaluate(() =>
  document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out at the side');

/** The options of a phone in the hand of who prefers the dark. */
const dark = (viewer) => viewer.page.emulateMedia({ colorScheme: 'dark' });

export const webrtc = {
  /** WebRTC is what the page begins with: video and audio, a fraction of a second behind; it ends
   * when the viewer leaves, chooses another transport, or another stream. */
  async webrtc_play(browser, server) {
    server.publishStamped(NAME, { audio: true });
    await live(server);
    const viewer = await Viewer.open(browser, server, '/', DESKTOP, AUTOMATIC);
    await viewer.listen();
    await viewer.choose();
    assert.ok(await isOverRtc(viewer), 'a MediaStream plays');
    await plays(viewer, 'rtc');
    assert.ok(await viewer.page.isHidden('#transport-note'), 'nothing is to be said');
    await viewer.checkPlayback();
    await until('the stamps are read', () => viewer.page.evaluate(() =>
      window.readings.length > 60), 30000);
    await says(viewer, 'glass', /^Glass to glass \d+ ms$/);
    await says(viewer, 'facts', /(\d+ ms|0\.\d s) behind the newest data/);
    await viewer.page.click('#delay summary');
    await says(viewer, 'delay-rows', /NetworkRound trip \d+ ms, \d+ of \d+ packets lost/);
    await viewer.shot('webrtc-desktop');
    await viewer.page.click('#delay summary');
    await viewer.checkLoudness();
    await viewer.page.setViewportSize(PHONE);
    await viewer.frames('on a phone', 10);
    await viewer.shot('webrtc-phone');
    await checkWidth(viewer);
    await dark(viewer);
    await viewer.shot('webrtc-phone-dark');

    await viewer.page.check('#transport input[value="hls"]', { force: true });
    await plays(viewer, 'hls');
    assert.ok(!await isOverRtc(viewer));
    await until('the session is ended', () => server.sessions.size === 0);
    await viewer.page.check('#transport input[value="rtc"]', { force: true });
    await plays(viewer, 'rtc');
    await viewer.frames('over WebRTC again', 20);
    await until('there is one session', () => server.sessions.size === 1);
    viewer.checkConduct();
    await viewer.page.goto('about:blank');
    await until('leaving ends it', () => server.sessions.size === 0);
  },

  /** The server loses its connections, then dies and comes back: playback goes on over WebRTC. */
  async webrtc_restart(browser, server) {
    server.publishStamped(NAME, { audio: true });
    await live(server);
    const viewer = await Viewer.open(browser, server, `/#${NAME}`, DESKTOP, AUTOMATIC);
    await plays(viewer, 'rtc');
    await viewer.frames('first', 20);
    await server.vanish();
    await until('it has asked again', () => server.count('POST', '/whep') === 2, 30000);
    await viewer.frames('after the connection was lost', 20, 30000);
    await plays(viewer, 'rtc');
    assert.ok(await isOverRtc(viewer));
    viewer.checkConduct();
  },

  /** What the server refuses, and what does not come through, is played over HLS; the page says
   * why, and a click tries again. */
  async webrtc_fallback(browser, server) {
    server.publishStamped(NAME, { audio: true });
    await live(server);
    const open = () => Viewer.open(browser, server, `/#${NAME}`, DESKTOP, AUTOMATIC);
    const reason = 'The stream has B-frames, which WebRTC can\'t carry';
    server.trouble = { status: 406, body: `${reason}. Publish without.\n` };
    const viewer = await open();
    await plays(viewer, 'hls');
    assert.equal(await text(viewer, 'transport-note'), `WebRTC does not play: ${reason}.`);
    assert.equal(server.count('POST', '/whep'), 1, 'a refusal is final');
    await viewer.frames('over HLS', 20);
    await viewer.shot('webrtc-refused');
    await viewer.page.setViewportSize(PHONE);
    await viewer.shot('webrtc-refused-phone');
    await checkWidth(viewer);
    server.trouble = null;
    await viewer.page.check('#transport input[value="rtc"]', { force: true });
    await plays(viewer, 'rtc');
    assert.ok(await viewer.page.isHidden('#transport-note'), 'it is not said any more');
    viewer.checkConduct();
    await viewer.page.close();

    for (const [trouble, said] of [
      [{ status: 503, headers: { 'retry-after': '60' }, body: 'No room.\n' }, /: No room\.$/],
      ['deaf', /no connection comes about; a firewall may keep UDP away/],
      ['mute', /no frame comes that can be shown/],
    ]) {
      server.trouble = trouble;
      const next = await open();
      await plays(next, 'hls', 40000);
      assert.match(await text(next, 'transport-note'), said);
      await until('nothing is left at the server', () => server.sessions.size === 0);
      next.checkConduct();
      await next.page.close();
    }
    // A stream that is not there over WebRTC: asked a few times, since it may be beginning.
    server.trouble = { status: 404, body: 'Nothing is here.\n' };
    const before = server.count('POST', '/whep');
    const last = await open();
    await plays(last, 'hls', 40000);
    assert.equal(server.count('POST', '/whep') - before, 3);
    last.checkConduct();
  },

  /** A stream that nothing lists is asked for over WebRTC, too, and played when it has begun. */
  async webrtc_demand(browser, server) {
    const name = 'live/late';
    server.onDemand.set(name, () => server.publishStamped(name, { audio: true }));
    const viewer = await Viewer.open(browser, server, `/#${name}`, DESKTOP, AUTOMATIC);
    await plays(viewer, 'rtc', 40000);
    await viewer.checkPlayback();
    assert.equal(server.count('POST', `/${name}/whep`), 2, 'to ask for it, and to play it');
    await until('the first has ended', () => server.sessions.size === 1);
    viewer.checkConduct();
  },

  /** Camera and microphone are published from the page, and are watched on it; a wrong key, an
   * interruption and the end are told in words. */
  async webrtc_publish(browser, server) {
    const isLive = /^Live as live\/mine\.$/;
    server.needsKey = 'secret';
    const viewer = await Viewer.open(browser, server, '/', DESKTOP, AUTOMATIC);
    await viewer.page.waitForSelector('#empty:not([hidden])');
    await viewer.page.setViewportSize(PHONE);
    await viewer.shot('empty-webrtc-phone');
    await checkWidth(viewer);
    await viewer.page.setViewportSize(DESKTOP);
    await viewer.page.click('#publish');
    await viewer.page.waitForURL('**/publish');
    await says(viewer, 'key-hint', /^The server wants one$/);
    await viewer.shot('publish-idle');
    await viewer.page.click('#show');
    await until('the preview shows', () => viewer.page.evaluate(() =>
      document.getElementById('preview').videoWidth > 0));
    await says(viewer, 'camera', /fake/i);
    const codecs = await viewer.page.locator('#codec option').allTextContents();
    assert.equal(codecs[0], 'H.264', codecs.join());
    await viewer.page.fill('#name', 'live/mine');
    await viewer.page.selectOption('#height', '360');
    await viewer.page.selectOption('#bitrate', '1200000');
    await viewer.page.fill('#key', 'wrong');
    await viewer.page.click('#go');
    await says(viewer, 'state', /^It did not work: The key is wrong\.$/);
    await viewer.shot('publish-refused');
    await viewer.page.fill('#key', 'secret');
    await viewer.page.click('#go');
    await says(viewer, 'state', isLive);
    await says(viewer, 'facts',
      /(Mbit|kbit)\/s.*640 × 360.*frames\/s.*H\.264.*round trip \d+ ms/, 30000);
    const { id, body } = server.requests.filter((r) => r.path === '/live/mine/whip').at(-1);
    assert.ok(!/ VP8\/| VP9\/| AV1\//i.test(body), 'only the chosen codec is offered');
    const kinds = await until('frames and sound arrive', async () => {
      const list = await server.arrived(id);
      const of = (kind) => list.find((one) => one.kind === kind);
      return of('video')?.framesDecoded > 20 && of('audio')?.packetsReceived > 20 && list;
    });
    assert.equal(kinds.find(({ kind }) => kind === 'video').codec, 'video/H264');
    await viewer.shot('publish-desktop');
    await viewer.page.setViewportSize(PHONE);
    await viewer.shot('publish-phone');
    await checkWidth(viewer);
    await dark(viewer);
    await viewer.page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await viewer.shot('publish-phone-dark');

    const watcher = await Viewer.open(browser, server, '/#live/mine', DESKTOP, AUTOMATIC);
    await until('it is watched', async () => await watcher.state() === 'playing', 30000);
    await watcher.checkPlayback();
    watcher.checkConduct();
    await watcher.page.close();

    await server.vanish();
    await says(viewer, 'state', /^Interrupted: /);
    await says(viewer, 'state', isLive, 30000);
    const again = server.requests.filter((r) => r.path === '/live/mine/whip').at(-1);
    assert.equal(again.headers.authorization, 'Bearer secret');
    await viewer.page.click('#go');
    await says(viewer, 'state', /^$/);
    const end = await until('the server knows', () => server.requests.find(({ method, id: of }) =>
      method === 'DELETE' && of === again.id));
    assert.equal(end.headers.authorization, 'Bearer secret', 'nobody else may end it');
    assert.equal(server.published.size, 0);

    // The screen, without a microphone; then leaving.
    await viewer.page.setViewportSize(DESKTOP);
    await viewer.page.check('#picture input[value="screen"]', { force: true });
    await viewer.page.selectOption('#microphone', 'none');
    await viewer.page.selectOption('#codec', 'VP8');
    await viewer.page.check('#simulcast');
    await viewer.page.click('#go');
    await says(viewer, 'state', isLive);
    await says(viewer, 'facts', /\d+ × \d+.*VP8.*[23] sizes/, 30000);
    assert.match(server.requests.at(-1).body, /a=simulcast:send f;h;q/);
    await viewer.shot('publish-screen');
    viewer.checkConduct();
    await viewer.page.goto('about:blank');
    await until('leaving ends it', () => server.published.size === 0);
  },

  /** An address by which browsers capture nothing: the page says what to do. */
  async webrtc_insecure(browser, server) {
    const viewer = await Viewer.open(browser, server, '/publish', PHONE, AUTOMATIC);
    await viewer.page.addInitScript(() => {
      Object.defineProperty(window, 'isSecureContext', { value: false });
    });
    await viewer.page.reload();
    await says(viewer, 'hint', /pages that come over https:/);
    assert.ok(await viewer.page.isDisabled('#go'));
    await viewer.shot('publish-insecure-phone');
    viewer.checkConduct();
    const { headers } = await fetch(`${server.url}/publish`);
    assert.equal(headers.get('permissions-policy'),
      'camera=(self), microphone=(self), display-capture=(self)');
    assert.match(headers.get('content-security-policy'), /^default-src 'none'; script-src 'self';/);
    const viewers = await fetch(`${server.url}/`);
    assert.equal(viewers.headers.get('permissions-policy'),
      'camera=(), microphone=(), display-capture=()');
  },
};
