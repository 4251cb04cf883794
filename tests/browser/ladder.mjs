// SPDX-License-Identifier: LGPL-2.1-or-later
// hls.js changes between the rungs of `penstock run live ladder`, up and down, while it plays.
// ladder.mjs PENSTOCK HLS.JS-FILE SCRATCH-DIRECTORY
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { Server, until } from './server.mjs';

const [program, library, scratch] = process.argv.slice(2);
const NAME = 'live/cam';
const RATE = 15;
const SIZES = [[640, 360], [854, 480], [960, 540]]; // hls.js sorts levels by their bitrate
mkdirSync(scratch, { recursive: true });

/** More bits than its rungs have, so that it is the highest level, and a keyframe each second. */
function footage() {
  const file = `${scratch}/ladder.mp4`;
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i',
    `testsrc2=size=960x540:rate=${RATE}:duration=8`, '-f', 'lavfi', '-i',
    'sine=frequency=440:sample_rate=48000:duration=8', '-c:v', 'libx264', '-preset', 'ultrafast',
    '-pix_fmt', 'yuv420p', '-g', String(RATE), '-sc_threshold', '0', '-b:v', '3M', '-minrate', '3M',
    '-maxrate', '3M', '-bufsize', '3M', '-x264-params', 'nal-hrd=cbr', '-c:a', 'aac', file]);
  return file;
}

const server = await Server.start(program, ['live', 'ladder'], null, ['segment=1s', 'idle=3s']);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
});

/** Runs in the page. */
function play([url, lowLatency]) {
  const video = document.getElementById('video');
  const seen = { problems: [], stalls: 0, waits: 0, switched: [], frames: 0, hole: 0, last: null };
  window.seen = seen;
  const hls = new window.Hls({ lowLatencyMode: lowLatency });
  window.hls = hls;
  // By itself it would change whenever it likes.
  hls.on(window.Hls.Events.MANIFEST_PARSED, () => { hls.loadLevel = 0; });
  hls.on(window.Hls.Events.ERROR, (_, data) => {
    if (data.fatal) seen.problems.push(`${data.type} ${data.details} ${data.reason ?? ''}`);
    else if (data.details === 'bufferStalledError') seen.stalls += 1;
  });
  hls.on(window.Hls.Events.LEVEL_SWITCHED, (_, { level }) => seen.switched.push(level));
  video.addEventListener('waiting', () => { seen.waits += 1; });
  // The distance between frames that are shown, in the media's time.
  const next = (_, { mediaTime }) => {
    seen.frames += 1;
    if (seen.last !== null) seen.hole = Math.max(seen.hole, mediaTime - seen.last);
    seen.last = mediaTime;
    video.requestVideoFrameCallback(next);
  };
  video.requestVideoFrameCallback(next);
  hls.loadSource(url);
  hls.attachMedia(video);
  video.play();
}

/** What fails in `check` may be because these levels, by height, are not there. */
async function needs(heights, check) {
  try {
    return await check();
  } catch (error) {
    error.heights = heights;
    throw error;
  }
}

async function watch(lowLatency) {
  const page = await browser.newPage();
  await page.setContent('<!doctype html><video id=video muted></video>');
  await page.addScriptTag({ path: library });
  await page.evaluate(play, [`${server.url}/${NAME}_ladder/index.m3u8`, lowLatency]);
  const seen = () => page.evaluate(() => window.seen);
  const moves = async (what) => {
    const { frames } = await seen();
    const at = await page.evaluate(() => document.getElementById('video').currentTime);
    await until(`${what} plays on`, async () => (await seen()).frames > frames + 2 * RATE, 40000);
    await until(`${what} moves`, () => page.evaluate(
      (from) => document.getElementById('video').currentTime > from + 1, at), 40000);
  };
  await moves('hls.js');
  const levels = await page.evaluate(() => window.hls.levels.map(({ width, height }) => [width, height]));
  const absent = SIZES.map(([, height]) => height).filter((height) => !levels.some((l) => l[1] === height));
  await needs(absent, async () => assert.deepEqual(levels, SIZES));
  // What came before was the start; from here on nothing may be missing.
  await page.evaluate(() => Object.assign(window.seen, { stalls: 0, waits: 0, hole: 0, switched: [] }));
  for (const level of [2, 0, 1, 2, 1, 0]) {
    const before = (await seen()).switched.length;
    await page.evaluate((to) => { window.hls.nextLevel = to; }, level);
    await needs([SIZES[level][1]], async () => {
      await until(`level ${level} is shown`, async () => (await seen()).switched.slice(before).includes(level), 40000);
      await until(`level ${level} has its size`, () => page.evaluate(
        ([width, height]) => {
          const video = document.getElementById('video');
          return video.videoWidth === width && video.videoHeight === height;
        }, SIZES[level]), 40000);
    });
    await moves(`level ${level}`);
  }
  const result = await seen();
  await page.screenshot({ path: `${scratch}/ladder.png` });
  await page.close();
  console.log(`# ${lowLatency ? 'low latency' : 'whole segments'}: levels ${result.switched.join(' ')}, `
    + `${result.stalls} stalls, ${result.waits} waits, ${result.hole.toFixed(2)} s at most from frame to frame`);
  assert.deepEqual(result.problems, []);
  return result;
}

try {
  server.publish(footage(), NAME);
  await until('the stream is there', async () => (await server.streams()).some((s) => s.name === NAME && s.live), 30000);
  // Where whole segments are played, hls.js does not get over the gap that the playlist begins with.
  await until('several segments', async () => {
    const base = `${server.url}/${NAME}_ladder`;
    const [first] = (await (await fetch(`${base}/index.m3u8`)).text()).match(/^index\/video.*$/m);
    return (await (await fetch(`${base}/${first}`)).text()).match(/^#EXTINF/gm).length > 7;
  }, 40000);
  const whole = await watch(false);
  // The buffer is longer than a GOP: nothing is missed.
  assert.equal(whole.stalls, 0, 'no stall');
  assert.ok(whole.hole < 1, `${whole.hole} s are missing`);
  // A buffer of some parts is shorter than a GOP: there may be a freeze until the next keyframe.
  await watch(true);
  await browser.close();
  assert.equal(await server.penstock.stop(), 0, 'penstock ends with exit code 0');
  console.log('ok');
} catch (error) {
  // On a busy machine a rung is dropped, as it should be: then there is nothing to change to.
  const dropped = (error.heights ?? []).find((height) => server.log.includes(`The rung ${height}p is dropped`));
  process.exitCode = dropped ? 77 : 1;
  if (dropped) console.log(`skipped: this machine is too busy for ${dropped}p`);
  console.error(error);
  await browser.contexts()[0]?.pages()[0]?.screenshot({ path: `${scratch}/failed-ladder.png` }).catch(() => {});
  console.error(server.log);
} finally {
  await browser.close();
  await server.stop();
}
