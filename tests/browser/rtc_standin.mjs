// SPDX-License-Identifier: LGPL-2.1-or-later
// A stand-in for a WebRTC server, which fails on demand: it passes everything on to a Penstock, and
// answers WHIP and WHEP by a page of the same browser, which plays the FLV and sends it on.
import { createServer, request as ask } from 'node:http';
import { until } from './server.mjs';

/** Runs in the bridge's page: the other side of each connection. */
function bridge() {
  const peers = new Map();
  const published = new Map(); // names to streams
  const played = new Map();    // names to the videos that play FLV

  async function play(name) {
    if (!window.mpegts) {
      await new Promise((resolve, reject) => {
        const script = Object.assign(document.createElement('script'),
          { src: '/assets/mpegts.js', onload: resolve, onerror: reject });
        document.head.append(script);
      });
    }
    const video = document.createElement('video'); // a muted one gives silence
    document.body.append(video);
    const player = window.mpegts.createPlayer({ type: 'flv', isLive: true, url: `/${name}.flv` },
      { enableStashBuffer: false, liveBufferLatencyChasing: true });
    player.attachMediaElement(video);
    player.load();
    await video.play();
    return video.captureStream();
  }

  window.streamOf = async (name) => {
    if (published.has(name)) return published.get(name);
    if (!played.has(name)) played.set(name, play(name));
    return played.get(name);
  };

  const gathered = (peer) => new Promise((resolve) => {
    const look = () => { if (peer.iceGatheringState === 'complete') resolve(); };
    peer.addEventListener('icegatheringstatechange', look);
    look();
  });

  /** `mute`: nothing is sent. Resolves to the answer, with all candidates. */
  window.answer = async (id, name, kind, offer, mute) => {
    const peer = new RTCPeerConnection();
    peers.set(id, peer);
    if (kind === 'whip') {
      const stream = new MediaStream();
      peer.addEventListener('track', ({ track }) => stream.addTrack(track));
      // Sound is passed on only while somebody hears it here.
      Object.assign(new Audio(), { srcObject: stream, autoplay: true });
      published.set(name, stream);
    }
    await peer.setRemoteDescription({ type: 'offer', sdp: offer });
    if (kind === 'whep') {
      const stream = await window.streamOf(name);
      for (const transceiver of peer.getTransceivers()) {
        const track = stream.getTracks().find((t) => t.kind === transceiver.receiver.track.kind);
        if (!track) continue;
        transceiver.direction = 'sendonly';
        transceiver.sender.setStreams(stream);
        if (!mute) await transceiver.sender.replaceTrack(track);
      }
    }
    const { sdp } = await peer.createAnswer();
    const passive = sdp.replace(/a=setup:active/g, 'a=setup:passive');
    await peer.setLocalDescription({ type: 'answer', sdp: passive });
    await gathered(peer);
    return peer.localDescription.sdp;
  };
  window.leave = (id) => {
    peers.get(id)?.close();
    peers.delete(id);
  };
  window.leaveAll = () => { for (const id of [...peers.keys()]) window.leave(id); };
  /** What arrived at a session. */
  window.arrived = async (id) => {
    const entries = [];
    (await peers.get(id).getStats()).forEach((entry) => entries.push(entry));
    const inbound = entries.filter(({ type }) => type === 'inbound-rtp');
    return inbound.map(({ kind, framesDecoded, packetsReceived, codecId }) => {
      const codec = entries.find((entry) => entry.id === codecId)?.mimeType;
      return { kind, framesDecoded, packetsReceived, codec };
    });
  };
}

/** Takes all sizes of a simulcast, which Chromium itself sends but does not receive. */
function withSimulcast(answer, offer) {
  const rids = /^a=simulcast:send (\S+)/m.exec(offer)?.[1];
  if (!rids) return answer;
  const lines = [...rids.split(';').map((rid) => `a=rid:${rid} recv`), `a=simulcast:recv ${rids}`];
  return answer.replace(/(m=video[^]*?a=mid:.*\r\n)/, `$1${lines.join('\r\n')}\r\n`);
}

export class StandIn {
  /** Requests: {method, path, headers, body} of WHIP and WHEP, and {status} once answered. */
  requests = [];
  sessions = new Set();
  published = new Map(); // names to dates
  /** How the next requests go wrong: {status, headers, body}, 'mute', 'deaf'; null: they don't. */
  trouble = null;
  needsKey = null; // publishing needs this bearer token
  onDemand = new Map(); // names of streams to what starts them
  #ids = 0;

  static async start(server, browser) {
    const standIn = new StandIn();
    standIn.server = server;
    standIn.http = createServer((request, response) => {
      standIn.#handle(request, response).catch((error) => {
        response.writeHead(500, { 'content-type': 'text/plain' });
        response.end(String(error));
      });
    });
    await new Promise((resolve) => { standIn.http.listen(0, '127.0.0.1', resolve); });
    standIn.url = `http://127.0.0.1:${standIn.http.address().port}`;
    standIn.page = await (await browser.newContext()).newPage();
    await standIn.page.goto(`${standIn.url}/bridge`);
    await standIn.page.evaluate(bridge);
    await standIn.page.mouse.click(10, 10); // lets it play sound
    return standIn;
  }

  publish(...of) { return this.server.publish(...of); }
  publishStamped(...of) { return this.server.publishStamped(...of); }
  streams() { return this.server.streams(); }
  arrived(id) { return this.page.evaluate((one) => window.arrived(one), id); }
  /** Ends all sessions as a server does that is killed: nobody is told. */
  async vanish() {
    await this.page.evaluate(() => window.leaveAll());
    this.sessions.clear();
  }
  count(method, end) {
    return this.requests.filter((r) => r.method === method && r.path.endsWith(end)).length;
  }

  async stop() {
    this.http.closeAllConnections();
    await new Promise((resolve) => { this.http.close(resolve); });
  }

  async #handle(request, response) {
    const { method, url: path, headers } = request;
    if (path === '/bridge') {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<!doctype html><title>bridge</title><body>');
    } else if (path === '/streams.json') await this.#list(response);
    else if (method === 'DELETE') await this.#delete(request, response);
    else if (method === 'POST' && /\/wh[ie]p$/.test(path)) await this.#post(request, response);
    else {
      const to = ask(this.server.url + path, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      to.on('error', () => response.destroy());
      response.on('close', () => to.destroy());
      request.pipe(to);
    }
  }

  async #list(response) {
    let list;
    try {
      list = await (await fetch(`${this.server.url}/streams.json`)).json();
    } catch {
      response.destroy(); // as if it were the server itself that is gone
      return;
    }
    for (const stream of list.streams) stream.rtc = `/${stream.name}/whep`;
    for (const [name, since] of this.published) {
      list.streams.push({ name, live: true, rtc: `/${name}/whep`, since });
    }
    list.rtc = [{ host: '', port: 1, key: this.needsKey !== null }];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(list));
  }

  async #post(request, response) {
    const { method, url: path, headers } = request;
    let body = '';
    for await (const data of request) body += data;
    const entry = { method, path, headers, body };
    this.requests.push(entry);
    const reply = (status, more, text) => {
      entry.status = status;
      response.writeHead(status, more);
      response.end(text);
    };
    const [, name, kind] = /^\/(.*)\/(wh[ie]p)$/.exec(path);
    const { trouble } = this;
    const refuse = (status, text) => reply(status, { 'content-type': 'text/plain' }, `${text}\n`);
    if (trouble?.status) {
      const more = { 'content-type': 'text/plain', ...trouble.headers };
      return reply(trouble.status, more, trouble.body);
    }
    const isSdp = headers['content-type'] === 'application/sdp';
    if (!isSdp) return refuse(415, 'An offer is application/sdp.');
    const isAllowed = this.needsKey === null || headers.authorization === `Bearer ${this.needsKey}`;
    if (kind === 'whip' && !isAllowed) return refuse(401, 'The key is wrong.');
    const isThere = async () => this.published.has(name) ||
      (await this.server.streams()).some((s) => s.name === name && s.live);
    if (kind === 'whep' && !await isThere()) {
      if (!this.onDemand.has(name)) return refuse(404, 'Nothing is here.');
      this.onDemand.get(name)();
      await until('the stream begins', isThere, 10000);
    }
    const id = `${this.#ids += 1}`;
    let answer = await this.page.evaluate((one) => window.answer(...one),
      [id, name, kind, body, trouble === 'mute']);
    // An address at which nobody answers.
    if (trouble === 'deaf') {
      answer = answer.replace(/^(a=candidate:.*udp \d+ )\S+ \d+/gim, '$1192.0.2.1 9');
    }
    answer = withSimulcast(answer, body);
    this.sessions.add(id);
    if (kind === 'whip') this.published.set(name, new Date().toISOString());
    entry.id = id;
    return reply(201, { 'content-type': 'application/sdp', etag: `"${id}"`,
      location: `/rtc/${id}?name=${name}&kind=${kind}`,
      link: '<stun:127.0.0.1:9>; rel="ice-server"' }, answer);
  }

  async #delete({ method, url, headers }, response) {
    const { pathname, searchParams } = new URL(url, this.url);
    const id = pathname.slice('/rtc/'.length);
    this.requests.push({ method, path: pathname, headers, id });
    const there = this.sessions.delete(id);
    if (there) await this.page.evaluate((one) => window.leave(one), id);
    const isPublisher = searchParams.get('kind') === 'whip';
    if (there && isPublisher) this.published.delete(searchParams.get('name'));
    response.writeHead(there ? 200 : 404);
    response.end();
  }
}
