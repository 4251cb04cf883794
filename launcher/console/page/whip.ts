// SPDX-License-Identifier: LGPL-2.1-or-later
// WebRTC over HTTP, both ways: an offer is posted, the answer comes back, and DELETE ends it. WHIP
// (RFC 9725) publishes; WHEP plays, in the same words.
import type { Milliseconds } from './units.js';

const PATIENCE: Milliseconds = 15000; // a stream made on demand takes a while to begin
const TO_END: Milliseconds = 1000; // before the connection is closed without an answer
const LONGEST_REASON = 200;           // characters of the server's words that are shown
const MOST_SERVERS = 8;               // STUN and TURN servers; more delay a connection

/** The server refused, or gave no answer. */
export class Refusal extends Error {
  readonly status: number; // of HTTP; 0: there was no answer
  readonly retryAfter: Milliseconds | null;

  /** `message`: the reason, as a sentence without the full stop. */
  constructor(status: number, message: string, retryAfter: Milliseconds | null = null) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

const WORDS: Readonly<Record<number, string>> = {
  401: 'the server wants a key, or another one',
  403: 'the server does not allow it',
  404: 'the server has nothing at this address',
  405: 'the server has no WebRTC there',
  406: 'the server and this browser have no codec in common',
  409: 'somebody else publishes under this name',
  415: 'the server takes no offers there',
  429: 'the server was asked too often',
  503: 'the server has no room left',
};

/** The first sentence of the server's own words; empty if there are none. */
export function reasonOf(body: string, contentType: string): string {
  let text = '';
  if (contentType.startsWith('text/plain')) text = body;
  if (/^application\/(problem\+)?json/.test(contentType)) {
    try {
      const { detail, title } = JSON.parse(body) as { detail?: unknown; title?: unknown };
      text = [detail, title].find((part): part is string => typeof part === 'string') ?? '';
    } catch { /* no words, then */ }
  }
  const line = text.trim().split('\n', 1)[0].trim();
  return line.replace(/\.( .*)?$/, '').slice(0, LONGEST_REASON);
}

/** Retry-After in seconds (RFC 9110, section 10.2.3); a date is not understood: null. */
export function retryAfterOf(value: string | null): Milliseconds | null {
  return value !== null && /^\d{1,5}$/.test(value) ? Number(value) * 1000 : null;
}

async function refusalOf(response: Response): Promise<Refusal> {
  const { status, headers } = response;
  // A 404 says where else the stream is, which the page knows.
  const said = status === 404 ? ''
    : reasonOf(await response.text(), headers.get('Content-Type') ?? '');
  return new Refusal(status, said || (WORDS[status] ?? `the server answers with status ${status}`),
    retryAfterOf(headers.get('Retry-After')));
}

/** The STUN and TURN servers of a Link header (RFC 9725, section 4.6). */
export function iceServersOf(header: string | null): RTCIceServer[] {
  const servers: RTCIceServer[] = [];
  const links = /<([^<>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]+))*)/g;
  for (const [, url, list] of (header ?? '').matchAll(links)) {
    const parameters = new Map<string, string>();
    for (const [, name, quoted, bare] of
      list.matchAll(/;\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))/g)) {
      parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? bare);
    }
    const isTurn = /^turns?:/.test(url);
    if (parameters.get('rel') !== 'ice-server' || !(isTurn || /^stuns?:/.test(url))) continue;
    const [username, credential] = [parameters.get('username'), parameters.get('credential')];
    if (!isTurn) servers.push({ urls: url });
    else if (username && credential) servers.push({ urls: url, username, credential });
  }
  return servers.slice(0, MOST_SERVERS);
}

/** Offers to take Opus in stereo, which browsers otherwise play as mono. RFC 7587, section 6.1. */
export function withStereo(sdp: string): string {
  const maps = sdp.matchAll(/^a=rtpmap:(\d+) opus\/48000\/2\r?$/gim);
  const opus = new Set(Array.from(maps, ([, type]) => type));
  return sdp.replace(/^a=fmtp:(\d+) ([^\r\n]*)/gm, (line, type: string, parameters: string) =>
    (opus.has(type) && !/(^|;)\s*stereo=/.test(parameters) ? `${line};stereo=1` : line));
}

/** Where the session is; null if the server does not say, or names another server. */
function locationOf(response: Response): string | null {
  const text = response.headers.get('Location');
  if (text === null) return null;
  try {
    const url = new URL(text, response.url);
    return url.origin === new URL(response.url).origin ? url.href : null;
  } catch {
    return null;
  }
}

export class RtcSession {
  #location: string | null;
  readonly #key: string;

  private constructor(location: string | null, key: string) {
    this.#location = location;
    this.#key = key;
  }

  /**
   * Connects `peer`, which has its transceivers, to the endpoint at `url`. `key`: sent as a bearer
   * token; empty: none. Throws a Refusal. Nothing is gathered before the answer is there: it names
   * the STUN and TURN servers, and a server that has all its candidates in the answer learns ours
   * from the checks.
   */
  static async open(peer: RTCPeerConnection, url: string, key = ''): Promise<RtcSession> {
    const { sdp = '' } = await peer.createOffer();
    const offer = withStereo(sdp);
    const headers = new Headers({ 'Content-Type': 'application/sdp' });
    if (key) headers.set('Authorization', `Bearer ${key}`);
    let response: Response;
    try {
      response = await fetch(url, { method: 'POST', headers, body: offer, cache: 'no-store',
        signal: AbortSignal.timeout(PATIENCE) });
    } catch {
      throw new Refusal(0, 'the server does not answer');
    }
    if (response.status !== 201) throw await refusalOf(response);
    const session = new RtcSession(locationOf(response), key);
    try {
      const answer = await response.text();
      const iceServers = iceServersOf(response.headers.get('Link'));
      if (iceServers.length) peer.setConfiguration({ ...peer.getConfiguration(), iceServers });
      await peer.setLocalDescription({ type: 'offer', sdp: offer });
      await peer.setRemoteDescription({ type: 'answer', sdp: answer });
    } catch {
      session.end();
      throw new Refusal(response.status, 'this browser does not understand the server\'s answer');
    }
    return session;
  }

  /** Tells the server that it is over, also while the page is being left. Settles when it knows, or
   * after a while: whoever closes the connection before that makes the server forget the session,
   * and its answer be 404. */
  async end(): Promise<void> {
    if (this.#location === null) return;
    const headers = new Headers(this.#key ? { Authorization: `Bearer ${this.#key}` } : {});
    const told = fetch(this.#location, { method: 'DELETE', headers, keepalive: true }).catch(() => {
      // The server finds out by itself that nobody is there any more.
    });
    this.#location = null;
    await Promise.race([told, new Promise((resolve) => { setTimeout(resolve, TO_END); })]);
  }
}

/** Whether a stream can be played at `url`, which may start it. */
export async function isPlayable(url: string): Promise<boolean> {
  if (!('RTCPeerConnection' in window)) return false;
  const peer = new RTCPeerConnection();
  try {
    for (const kind of ['video', 'audio']) peer.addTransceiver(kind, { direction: 'recvonly' });
    await (await RtcSession.open(peer, url)).end();
    return true;
  } catch {
    return false;
  } finally {
    peer.close();
  }
}
