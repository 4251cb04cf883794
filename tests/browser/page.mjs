// SPDX-License-Identifier: LGPL-2.1-or-later
// The viewers' page in a real browser: page.mjs TEST PENSTOCK SCREENSHOT-DIRECTORY
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { addresses } from './page_addresses.mjs';
import { ends } from './page_ends.mjs';
import { latency } from './page_latency.mjs';
import { transports } from './page_transports.mjs';
import { Server, certificate, footage } from './server.mjs';
import { SHOTS } from './viewer.mjs';

const [test, program] = process.argv.slice(2);
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const TESTS = { ...addresses, ...transports, ...ends, ...latency };

/** The descriptions that run in a test; `live` in the others. */
const DESCRIPTIONS = {
  demand: ['live', 'on-demand'],
  direct: [fileURLToPath(new URL('direct.yaml', import.meta.url))],
};

mkdirSync(SHOTS, { recursive: true });
const run = TESTS[test];
if (!run) throw new Error(`no test ${test}: ${Object.keys(TESTS).join(', ')}`);
const file = footage(SHOTS);
const server = await Server.start(program, DESCRIPTIONS[test], test === 'https' ? certificate(SHOTS) : null);
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
  await page?.screenshot({ path: `${SHOTS}/failed-${test}.png` }).catch(() => {});
  console.error(server.log);
} finally {
  await browser.close();
  await server.stop();
}
