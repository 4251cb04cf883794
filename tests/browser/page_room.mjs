// SPDX-License-Identifier: LGPL-2.1-or-later
// Rooms: their page in Chromium, with the server's own rooms.
import assert from 'node:assert/strict';
import { Participant } from './participant.mjs';
import { until } from './server.mjs';
import { DESKTOP, PHONE, Viewer } from './viewer.mjs';

const ROOM = 'team';
const SMALL = { settings: { height: '180' } };

/** Shares a moving picture as a screen, which a browser without windows does not have. */
const fakeScreen = (participant) => participant.page.evaluate(() => {
  navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const context = canvas.getContext('2d');
    let frame = 0;
    setInterval(() => {
      context.fillStyle = `hsl(${frame % 360} 60% 40%)`;
      context.fillRect(0, 0, 640, 360);
      context.fillStyle = '#fff';
      context.font = '40px sans-serif';
      context.fillText(`Slide ${frame++}`, 40 + frame % 200, 180);
    }, 50);
    return canvas.captureStream(20);
  };
});

const checkWidth = async ({ page }) => assert.ok(await page.evaluate(() =>
  document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out at the side');

export const rooms = {
  /** Two meet: each sees and hears the other, writes, and leaves. */
  async room_meet(browser, server) {
    const ann = await Participant.join(browser, server, ROOM, 'Ann', SMALL);
    const bo = await Participant.join(browser, server, ROOM, 'Bo <b>x</b>', SMALL);
    await ann.sees(['You', 'Bo <b>x</b>']);
    await Promise.all([ann.moves('Bo <b>x</b>'), bo.moves('Ann')]);
    await Promise.all([ann.hears('Bo'), bo.hears('Ann')]);
    await bo.write('Hello, <img src=x onerror=alert(1)>');
    await ann.page.click('#tool-chat');
    await ann.reads('Hello, <img src=x onerror=alert(1)>');
    await bo.page.keyboard.press('Escape');
    await bo.page.keyboard.press('m');
    await until('the tile says that Bo is muted', () => ann.page.evaluate(() =>
      document.querySelector('[aria-label="Bo <b>x</b>, muted"]') !== null));
    await bo.page.click('#tool-leave');
    await ann.sees(['You']);
    assert.equal(await ann.peers(), 1, 'nothing was negotiated again');
    await ann.close();
    await bo.close();
  },

  /** Three meet, one of them by a phone: a screen is shared; the host mutes somebody, makes a
   * listener of him, and removes another. */
  async room_three(browser, server) {
    const ann = await Participant.join(browser, server, ROOM, 'Ann', { ...SMALL, speaks: true });
    await ann.write('Who else comes?');
    const bo = await Participant.join(browser, server, ROOM, 'Bo', SMALL);
    const cy = await Participant.join(browser, server, ROOM, 'Cy', { ...SMALL, viewport: PHONE });
    const all = [[ann, ['Bo', 'Cy']], [bo, ['Ann', 'Cy']], [cy, ['Ann', 'Bo']]];
    for (const [one, others] of all) await one.sees(['You', ...others]);
    await Promise.all(all.flatMap(([one, others]) => others.map((label) => one.moves(label))));
    await Promise.all(all.map(([one]) => one.hears('the others')));
    await until('Ann is seen to speak', async () =>
      (await cy.tiles()).some(({ label, speaks }) => speaks && label === 'Ann'), 30000);
    await ann.shot('room-three');
    await cy.shot('room-three-phone');
    await checkWidth(cy);
    await cy.page.click('#tool-chat');
    await cy.reads('Who else comes?'); // was written before
    await cy.shot('room-chat-phone');
    await cy.page.click('#panel-close');

    await fakeScreen(bo);
    await bo.page.click('#tool-screen');
    for (const [one, others] of [all[0], all[2]]) {
      await one.sees(['You', ...others, 'Bo\'s screen']);
      await one.moves('Bo\'s screen');
      assert.equal((await one.tiles()).find(({ isStage }) => isStage).label, 'Bo\'s screen');
    }
    await ann.shot('room-screen');
    await cy.shot('room-screen-phone');
    await checkWidth(cy);
    await bo.sees(['You', 'Ann', 'Cy', 'Your screen']);
    await bo.page.click('#tool-screen');
    await ann.sees(['You', 'Bo', 'Cy']);

    await ann.host('Bo', 'Mute');
    await bo.says('tool-microphone', /^Unmute$/);
    await bo.says('toasts', /Ann has muted you/);
    await bo.page.keyboard.press('m');
    await bo.says('tool-microphone', /^Mute$/);
    await ann.host('Bo', 'Make listener');
    await bo.says('toasts', /You are a listener now/);
    await ann.sees(['You', 'Cy']);
    await bo.says('connection', /^You are a listener$/);
    assert.ok(await bo.page.isHidden('#tool-microphone'));
    await bo.sees(['Ann', 'Cy']);
    await bo.moves('Ann');
    await ann.host('Bo', 'Let speak');
    await ann.sees(['You', 'Bo', 'Cy']);
    await bo.says('tool-camera', /^Start camera$/); // nobody else turns it on
    await bo.page.keyboard.press('v');
    await ann.moves('Bo');
    await ann.shot('room-host');
    await ann.host('Cy', 'Remove');
    await cy.says('lobby-state', /^A host has removed you from the room\.$/);
    await cy.shot('room-removed-phone');
    await ann.sees(['You', 'Bo']);
    assert.equal(await bo.page.isVisible('.person-menu'), false, 'who is no host has no menus');
    for (const one of [ann, bo]) assert.equal(await one.peers(), 1, 'one offer for all of it');
    for (const one of [ann, bo, cy]) await one.close();
  },

  /** More are there than may be seen: some have video, the one who is pinned among them. */
  async room_many(browser, server) {
    const ann = await Participant.join(browser, server, ROOM, 'Ann',
      { settings: { height: '180', videos: '2' } });
    const others = [];
    for (const name of ['Bo', 'Cy', 'Di']) {
      others.push(await Participant.join(browser, server, ROOM, name, SMALL));
    }
    await ann.sees(['You', 'Bo', 'Cy', 'Di']);
    const withVideo = async () => (await ann.tiles()).filter(({ label, hasVideo }) =>
      hasVideo && label !== 'You').map(({ label }) => label).sort();
    await until('two have video', async () => (await withVideo()).length === 2, 30000);
    await ann.shot('room-many');
    const [left] = ['Bo', 'Cy', 'Di'].filter(await withVideo().then((seen) =>
      (label) => !seen.includes(label)));
    const tile = ann.page.locator('.tile', { hasText: left });
    await tile.hover();
    await tile.getByRole('button', { name: /^Keep/ }).click();
    await ann.moves(left);
    assert.equal((await ann.tiles()).find(({ isStage }) => isStage).label, left);
    await until('two have video', async () => (await withVideo()).length === 2, 30000);
    for (const one of [ann, ...others]) await one.close();
  },

  /** The server dies and comes back: all are in the room again, and what was on is on. */
  async room_restart(browser, server) {
    const ann = await Participant.join(browser, server, ROOM, 'Ann', SMALL);
    const bo = await Participant.join(browser, server, ROOM, 'Bo', SMALL);
    await Promise.all([ann.moves('Bo'), bo.moves('Ann')]);
    await server.penstock.stop('SIGKILL');
    await ann.says('connection', /^Interrupted: .*Joining again…$/, 30000);
    await ann.shot('room-interrupted');
    await server.run();
    await Promise.all([ann.inRoom(60000), bo.inRoom(60000)]);
    await Promise.all([ann.moves('Bo', 60000), bo.moves('Ann', 60000), ann.hears('Bo')]);
    await ann.close();
    await bo.close();
  },

  /** A key in the address: who has it sees, hears and reads the others, and nobody else does. */
  async room_encrypted(browser, server) {
    const fragment = '#key=0123456789abcdef';
    const ann = await Participant.open(browser, server, ROOM, 'Ann', SMALL);
    await ann.page.click('#lobby-more summary');
    await ann.page.check('#encrypt');
    assert.match(await ann.page.evaluate(() => location.hash), /^#key=[0-9a-f]{32}$/);
    assert.ok(await ann.page.isVisible('#lobby-lock'));
    await ann.page.goto(`${server.url}/room/${ROOM}${fragment}`);
    await ann.enter();
    const bo = await Participant.join(browser, server, ROOM, 'Bo', { ...SMALL, fragment });
    await Promise.all([ann.moves('Bo'), bo.moves('Ann'), ann.hears('Bo')]);
    assert.ok(await ann.page.isVisible('#lock'));
    assert.ok(await ann.page.isHidden('#tapped'));
    await bo.write('Between us');
    await ann.page.click('#tool-chat');
    await ann.reads('Between us');
    await ann.shot('room-encrypted');
    // Without the key, or with another one, one is in another room.
    for (const other of ['', '#key=another']) {
      const di = await Participant.join(browser, server, ROOM, 'Di', { ...SMALL, fragment: other });
      await di.sees(['You']);
      await di.close();
    }
    // A client that has found out the room's name at the server can't read what it gets.
    const { pathname } = new URL(await ann.page.evaluate(() =>
      performance.getEntriesByType('resource').find(({ name }) => name.includes('/join')).name));
    const eve = await Participant.join(browser, server, pathname.split('/')[2], 'Eve', SMALL);
    await eve.sees(['You', 'Ann', 'Bo']);
    await eve.page.click('#tool-chat');
    assert.match(await eve.page.textContent('.chat-text'), /^e2e:/);
    await ann.says('toasts', /does not have this page's key/);
    assert.deepEqual((await ann.tiles()).filter(({ hasVideo }) => hasVideo)
      .map(({ label }) => label).sort(), ['Bo', 'You']);
    for (const one of [ann, bo, eve]) await one.close();
  },

  /** Before joining, and where nothing can be captured; the start page, and the way there. */
  async room_lobby(browser, server) {
    const home = await Viewer.open(browser, server, '/', DESKTOP, null);
    await until('there is a button for it', () => home.page.isVisible('#rooms'));
    await home.page.click('#rooms');
    await home.page.fill('#start-name', 'no name');
    assert.ok(await home.page.evaluate(() =>
      !document.getElementById('start-form').checkValidity()));
    await home.page.fill('#start-name', ROOM);
    await home.page.press('#start-name', 'Enter');
    await home.page.waitForURL(`**/room/${ROOM}`);
    await until('the preview shows', () => home.page.evaluate(() =>
      document.getElementById('preview').videoWidth > 0));
    await until('the microphone is heard', () => home.page.evaluate(() =>
      Number(document.getElementById('meter').getAttribute('aria-valuenow')) > 10));
    await home.shot('room-lobby');
    await home.page.fill('#name', 'Ann');
    await home.page.click('#lobby-camera');
    await until('the camera is off', () => home.page.evaluate(() =>
      document.getElementById('preview').srcObject === null));
    await home.page.uncheck('#noise');
    await home.page.click('#join');
    await home.page.waitForSelector('.tile.is-mine');
    assert.equal(await home.page.textContent('.tile .avatar'), 'A');
    await home.page.goto(`${server.url}/room/`);
    assert.equal(await home.page.textContent('#recent-list'), ROOM);
    await home.shot('room-start');
    await home.page.click('#recent-list a');
    await until('all is remembered', () => home.page.evaluate(() =>
      document.getElementById('name').value === 'Ann' && !document.getElementById('noise').checked &&
      document.getElementById('lobby-camera').textContent === 'Turn the camera on'));
    home.checkConduct();

    const listener = await Participant.open(browser, server, ROOM, 'Li', { viewport: PHONE });
    await listener.page.addInitScript(() => {
      Object.defineProperty(window, 'isSecureContext', { value: false });
    });
    await listener.page.reload();
    await listener.says('hint', /pages that come over https:/);
    await listener.shot('room-insecure-phone');
    await listener.page.click('#join');
    await listener.inRoom();
    assert.ok(await listener.page.isHidden('#tool-microphone'));
    await listener.close();
  },
};
