// SPDX-License-Identifier: LGPL-2.1-or-later
// What accompanies a stream, in hls.js: subtitles are shown at their times, ID3 tags and date ranges
// are told of with theirs; with MPEG-TS, CMAF and in low latency. timed.mjs SOURCE HLS.JS-FILE SHOTS
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { until } from './server.mjs';

const [program, library, shots] = process.argv.slice(2);
const CASES = {
  ts: 'container=ts',
  cmaf: 'container=cmaf',
  parts: 'container=cmaf part-duration=200000000',
};
// Cues and tags are a second apart; the date of running time 0 is known to half of that.
const TOLERANCE = 0.6;
mkdirSync(shots, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
});

/** Runs in the page. */
function play(url) {
  const video = document.getElementById('video');
  const seen = { problems: [], tags: [], ranges: {}, shown: [] };
  window.seen = seen;
  const hls = new window.Hls();
  window.hls = hls;
  const { Events } = window.Hls;
  hls.on(Events.ERROR, (_, data) => {
    if (data.fatal) seen.problems.push(`${data.type} ${data.details} ${data.reason ?? ''}`);
  });
  hls.on(Events.FRAG_PARSING_METADATA, (_, { samples }) => {
    for (const sample of samples) seen.tags.push({ time: sample.pts, text: String.fromCharCode(...sample.data) });
  });
  hls.on(Events.LEVEL_UPDATED, (_, { details }) => {
    window.details = details;
    for (const [id, range] of Object.entries(details.dateRanges)) {
      seen.ranges[id] = { start: range.startDate.getTime(), duration: range.duration, valid: range.isValid };
    }
  });
  /** Unix time (s) of a time of the video. */
  window.dateOf = (time) => {
    const known = window.details.fragments.find((one) => one.programDateTime);
    return known.programDateTime / 1000 + time - known.start;
  };
  setInterval(() => {
    for (const track of video.textTracks) {
      if (track.kind !== 'subtitles') continue;
      track.mode = 'showing'; // as a viewer does
      for (const cue of track.activeCues ?? []) {
        const before = seen.shown.find(({ text }) => text === cue.text);
        if (!before) seen.shown.push({ text: cue.text, start: window.dateOf(cue.startTime), length: cue.endTime - cue.startTime });
      }
    }
  }, 50);
  hls.loadSource(url);
  hls.attachMedia(video);
  video.play();
}

const failures = [];
for (const [name, properties] of Object.entries(CASES)) {
  const source = spawn(program, ['http://127.0.0.1:0/live/cam/index.m3u8', properties], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => { source.on('exit', resolve); });
  let output = '';
  source.stdout.on('data', (data) => { output += data; });
  const page = await browser.newPage();
  try {
    const [, url, began] = await until('the stream is there', () => /^(\S+) (\d+)$/m.exec(output));
    const zero = Number(began) / 1000;
    await page.setContent('<!doctype html><video id=video muted></video>');
    await page.addScriptTag({ path: library });
    await page.evaluate(play, url);
    const seen = () => page.evaluate(() => window.seen);
    await until('cues are shown', async () => (await seen()).shown.length >= 4, 40000);
    await until('tags are told of', async () => (await seen()).tags.length >= 4, 20000);
    await until('a break is told of', async () => Object.keys((await seen()).ranges).length > 0, 20000);
    const result = await seen();
    const tagDates = await page.evaluate(() => window.seen.tags.map(({ time }) => window.dateOf(time)));
    const multivariant = await (await fetch(url)).text();
    console.log(`# ${name}:`, result.shown.map(({ text, start }) => `${text} at ${(start - zero).toFixed(2)}`).join(', '),
      '|', result.tags.map((_, i) => (tagDates[i] - zero).toFixed(2)).join(', '), '|', JSON.stringify(result.ranges));
    assert.deepEqual(result.problems, []);
    assert.match(multivariant, /TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="English",LANGUAGE="en"/);
    const numbers = result.shown.map(({ text }) => Number(/^cue (\d+)$/.exec(text)[1]));
    assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b));
    for (const { text, start, length } of result.shown) {
      const n = Number(text.split(' ')[1]);
      assert.ok(Math.abs(start - zero - n) < TOLERANCE, `${text} is at ${start - zero} s`);
      assert.ok(Math.abs(length - 0.8) < 0.01, `${text} lasts ${length} s`);
    }
    result.tags.forEach(({ text }, i) => {
      const n = Number(/tag (\d+)/.exec(text)[1]) + 0.5;
      assert.ok(text.startsWith('ID3'));
      assert.ok(Math.abs(tagDates[i] - zero - n) < TOLERANCE, `the tag of ${n} s is at ${tagDates[i] - zero}`);
    });
    for (const range of Object.values(result.ranges)) {
      const beside = (range.start / 1000 - zero + 2) % 4 - 2;
      assert.ok(range.valid && Math.abs(beside) < TOLERANCE, JSON.stringify(range));
      assert.equal(range.duration, 2);
    }
    await page.screenshot({ path: `${shots}/timed-${name}.png` });
  } catch (error) {
    failures.push(name);
    console.error(name, error, await page.evaluate(() => window.seen).catch(() => null));
  } finally {
    await page.close();
    source.stdin.end('x');
    await ended;
  }
}
await browser.close();
assert.deepEqual(failures, []);
console.log('ok');
