// SPDX-License-Identifier: LGPL-2.1-or-later
// The viewers' page in a real browser: page.mjs TEST PENSTOCK SCREENSHOT-DIRECTORY
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { addresses } from './page_addresses.mjs';
import { ends } from './page_ends.mjs';
import { latency } from './page_latency.mjs';
import { rooms } from './page_room.mjs';
import { rtc } from './page_rtc.mjs';
import { transports } from './page_transports.mjs';
import { webrtc } from './page_webrtc.mjs';
import { StandIn } from './rtc_standin.mjs';
import { Server, certificate, footage } from './server.mjs';
import { SHOTS } from './viewer.mjs';

const [test, program] = process.argv.slice(2);
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const TESTS = { ...addresses, ...transports, ...ends, ...latency, ...webrtc, ...rtc, ...rooms };

/** The descriptions that run in a test; `live` in the others. */
const DESCRIPTIONS = {
  demand: ['live', 'on-demand'],
  direct: [fileURLToPath(new URL('direct.yaml', import.meta.url))],
  ...Object.fromEntries(Object.keys(rooms).map((name) => [name, ['room', 'live']])),
};

/** WHIP and WHEP by the stand-in. */
const isStandIn = test in webrtc;

mkdirSync(SHOTS, { recursive: true });
const run = TESTS[test];
if (!run) throw new Error(`no test ${test}: ${Object.keys(TESTS).join(', ')}`);
const file = footage(SHOTS);
const server = await Server.start(program, DESCRIPTIONS[test], test === 'https' ? certificate(SHOTS) : null);
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
    '--disable-features=WebRtcHideLocalIpsWithMdns'],
});
let standIn = null;
try {
  standIn = isStandIn ? await StandIn.start(server, browser) : null;
  await run(browser, standIn || server, file);
  await browser.close();
  const code = server.penstock.process.exitCode ?? await server.penstock.stop();
  assert.equal(code, 0, 'penstock ends with exit code 0');
  console.log(`ok: ${test}`);
} catch (error) {
  process.exitCode = 1;
  console.error(error);
  const pages = browser.contexts().flatMap((context) => context.pages());
  const page = pages.find((one) => !one.url().endsWith('/bridge'));
  await page?.screenshot({ path: `${SHOTS}/failed-${test}.png` }).catch(() => {});
  console.error(server.log);
} finally {
  await browser.close();
  await standIn?.stop();
  await server.stop();
}
