// SPDX-License-Identifier: LGPL-2.1-or-later
// What file-to-hls makes, in Chromium, from a plain web server: files with byte ranges, by hls.js, by
// Chromium's own HLS, and opened by themselves; and a ladder. vod.mjs PENSTOCK HLS.JS-FILE SCRATCH-DIRECTORY
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createReadStream, mkdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';
import { chromium } from 'playwright-core';
import { until } from './server.mjs';

const [program, library, scratch] = process.argv.slice(2);
const SECONDS = 8;
const RATE = 25;
rmSync(scratch, { recursive: true, force: true });
mkdirSync(scratch, { recursive: true });
const movie = join(scratch, 'movie.mp4');
execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i',
  `testsrc2=s=640x362:r=${RATE}:d=${SECONDS}`, '-f', 'lavfi', '-i', `sine=r=48000:d=${SECONDS}`, '-ac', '2',
  '-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-g', '50', '-sc_threshold', '0', '-bf', '2',
  '-c:a', 'aac', '-shortest', movie]);

/** Packages the movie into a directory of this name. */
function make(name, ...settings) {
  const words = [`file=${movie}`, `to=${join(scratch, name)}`, 'segment=2s', ...settings].flatMap((s) => ['--set', s]);
  execFileSync(program, ['run', 'file-to-hls', ...words], { stdio: 'pipe' });
}
make('cmaf', 'single-file=true');
make('ts', 'single-file=true', 'container=ts');
make('ladder', 'ladder=true');
make('ladder-single', 'ladder=true', 'single-file=true');

const TYPES = { m3u8: 'application/vnd.apple.mpegurl', mp4: 'video/mp4', m4s: 'video/mp4', ts: 'video/mp2t', js: 'text/javascript' };
const asked = []; // of media: path, and whether it was for a range
const server = createServer((request, response) => {
  const path = normalize(new URL(request.url, 'http://x').pathname);
  if (path === '/') {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><video id=video muted></video><script src=/hls.js></script>');
    return;
  }
  const file = path === '/hls.js' ? library : join(scratch, path);
  let size;
  try {
    ({ size } = statSync(file));
  } catch {
    response.writeHead(404).end();
    return;
  }
  const type = TYPES[file.split('.').pop()] ?? 'application/octet-stream';
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  if (type.startsWith('video/')) asked.push([path, Boolean(range)]);
  const first = range ? Number(range[1]) : 0;
  const last = range && range[2] !== '' ? Math.min(Number(range[2]), size - 1) : size - 1;
  response.writeHead(range ? 206 : 200, {
    'Content-Type': type,
    'Content-Length': last - first + 1,
    'Accept-Ranges': 'bytes',
    ...(range && { 'Content-Range': `bytes ${first}-${last}/${size}` }),
  });
  createReadStream(file, { start: first, end: last }).on('error', () => response.destroy()).pipe(response);
});
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const base = `http://127.0.0.1:${server.address().port}`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
});

/** Plays from the middle to the end, then from the beginning; returns what was decoded. */
async function play(path, isNative, levels) {
  const page = await browser.newPage();
  await page.goto(`${base}/`);
  await page.evaluate(([url, native, all]) => {
    window.problems = [];
    window.sizes = new Set();
    const video = document.getElementById('video');
    video.addEventListener('resize', () => window.sizes.add(`${video.videoWidth}x${video.videoHeight}`));
    video.addEventListener('error', () => window.problems.push(video.error.message));
    if (native) {
      video.src = url;
    } else {
      const hls = new window.Hls({ startPosition: 0 });
      window.hls = hls;
      if (all) hls.on(window.Hls.Events.MANIFEST_PARSED, () => { hls.loadLevel = 0; });
      hls.on(window.Hls.Events.ERROR, (_, data) => {
        // A seek, or a change of the level, ends a request that is under way.
        if (data.details !== 'aborted') window.problems.push(`${data.type} ${data.details} ${data.reason ?? ''}`);
      });
      hls.loadSource(url);
      hls.attachMedia(video);
    }
    video.playbackRate = 2;
    video.play().catch((error) => window.problems.push(error.message));
  }, [`${base}/${path}`, isNative, levels]);
  const state = () => page.evaluate(() => {
    const video = document.getElementById('video');
    return {
      ended: video.ended,
      time: video.currentTime,
      duration: video.duration,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      audio: video.webkitAudioDecodedByteCount,
      levels: window.hls?.levels.map((level) => level.height),
      problems: window.problems,
      sizes: [...window.sizes],
    };
  });
  try {
    await until(`${path} plays`, async () => (await state()).time > 0.5, 30000);
    // Every level has its turn.
    for (let level = 1; level < (levels ?? 0); level += 1) {
      const { sizes } = await state();
      await page.evaluate((to) => { window.hls.nextLevel = to; }, level);
      await until(`${path} has level ${level}`, async () => (await state()).sizes.length > sizes.length, 30000);
    }
    await page.evaluate((to) => { document.getElementById('video').currentTime = to; }, SECONDS - 3);
    await until(`${path} is played to its end`, async () => (await state()).ended, 30000);
  } catch (error) {
    throw new Error(`${error.message}: ${JSON.stringify(await state())}`);
  }
  const result = await state();
  await page.close();
  return result;
}

try {
  for (const [path, isNative, levels] of [
    ['cmaf/index.m3u8', false], ['cmaf/index.m3u8', true], ['cmaf/index.mp4', true], ['ts/index.m3u8', false],
    ['ladder/index.m3u8', false, 2], ['ladder-single/index.m3u8', false, 2],
  ]) {
    asked.length = 0;
    const seen = await play(path, isNative, levels);
    console.log(path, isNative ? 'native' : 'hls.js', JSON.stringify(seen));
    assert.deepEqual(seen.problems, []);
    assert.ok(Math.abs(seen.duration - SECONDS) < 0.2, `${path}: ${seen.duration} s`);
    assert.ok(seen.frames > 2 * RATE, `${path}: ${seen.frames} frames`);
    assert.ok(seen.audio > 0, `${path}: no audio`);
    assert.deepEqual(seen.sizes.sort(), levels ? ['636x360', '640x362'] : ['640x362']);
    if (path.startsWith('ladder')) assert.deepEqual(seen.levels.sort(), [360, 362]);
    if (path !== 'ladder/index.m3u8') {
      assert.ok(asked.length > 0, `${asked.length} requests`);
      assert.ok(asked.every(([, isRange]) => isRange), 'a whole file was asked for');
    }
  }
  console.log('ok');
} finally {
  await browser.close();
  server.close();
}
