// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks the server which streams are live, again and again, and for one that is made when asked for.

const INTERVAL = 2000; // ms between two answers
const TIMEOUT = 5000;  // ms until a silent server counts as gone
const PATIENCE = 15000; // ms that a stream made on demand may take to begin

const natural = (value) => (Number.isInteger(value) && value > 0 ? value : 0);

/** One entry of streams.json with every field checked; null if it is unusable. */
function readStream(entry) {
  if (typeof entry?.name !== 'string' || typeof entry.hls !== 'string') return null;
  const hls = new URL(entry.hls, location.origin);
  if (hls.origin !== location.origin) return null;
  const flv = typeof entry.flv === 'string' ? new URL(entry.flv, location.origin) : null;
  const since = Date.parse(entry.since);
  return {
    name: entry.name,
    hls: hls.href,
    flv: flv?.origin === location.origin ? flv.href : null, // low latency; not every server has it
    live: entry.live === true,
    since: Number.isNaN(since) ? null : since,
    width: natural(entry.width),
    height: natural(entry.height),
    watching: natural(entry.players) + natural(entry.viewers), // over RTMP and over HTTP
  };
}

/** Where RTMP is accepted: [{host, port}], host empty for "this server". */
function readRtmp(entries) {
  if (!Array.isArray(entries)) return [];
  return entries.filter((e) => typeof e?.host === 'string' && natural(e.port) > 0)
    .map(({ host, port }) => ({ host, port }));
}

/**
 * Asks for the playlist of a stream that the server does not list: it may be one that is made on
 * demand, and is listed from then on. Whether there is one; a stream that nobody can make is
 * answered at once.
 */
export async function askFor(name) {
  const path = name.split('/').map(encodeURIComponent).join('/');
  for (const playlist of [`/${path}/index.m3u8`, `/${path}.m3u8`]) {
    try {
      const response = await fetch(playlist,
        { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
      if (response.ok) return true;
    } catch {
      return false;
    }
  }
  return false;
}

/**
 * Calls `onAnswer({streams, rtmp})` with each answer and `onSilence()` with each failure.
 * Rests while the page is hidden. Returns a function that asks at once.
 */
export function watchStreams(onAnswer, onSilence) {
  let timer = 0;
  let asking = false;

  async function ask() {
    if (asking) return;
    asking = true;
    clearTimeout(timer);
    try {
      const response = await fetch('/streams.json',
        { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT) });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const answer = await response.json();
      const streams = Array.isArray(answer.streams) ? answer.streams.map(readStream) : [];
      onAnswer({ streams: streams.filter(Boolean), rtmp: readRtmp(answer.rtmp) });
    } catch (error) {
      onSilence(error);
    } finally {
      asking = false;
      if (!document.hidden) timer = setTimeout(ask, INTERVAL);
    }
  }

  document.addEventListener('visibilitychange', () => { if (!document.hidden) ask(); });
  ask();
  return ask;
}
