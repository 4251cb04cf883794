// SPDX-License-Identifier: LGPL-2.1-or-later
// A WHEP or WHIP client in a page of Chromium, whose media go through a poor network.
import { PoorNetwork, portOf } from './poor_network.mjs';

/** Runs in the page. */
/** `notesFrames`: the coded frames of the video pass through the page, which notes them. */
function client(notesFrames) {
  const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle',
    encodedInsertableStreams: notesFrames });
  const gaps = []; // ms between frames shown, the longest first
  const decoded = []; // RTP timestamps
  let shownAt = 0;
  window.peer = peer;

  const coded = []; // {timestamp (RTP), mark}

  const markOf = (data) => {
    let hash = 0x811C9DC5; // FNV-1a
    for (const byte of new Uint8Array(data)) hash = Math.imul(hash ^ byte, 0x01000193);
    return `${data.byteLength} ${hash >>> 0}`;
  };

  /** `end`: a sender or a receiver. A frame's mark is the same at both ends. */
  const noteCoded = (end, kind) => {
    if (!notesFrames) return;
    const { readable, writable } = end.createEncodedStreams();
    const note = (frame, next) => {
      if (kind === 'video')
        coded.push({ timestamp: frame.getMetadata().rtpTimestamp, mark: markOf(frame.data) });
      next.enqueue(frame);
    };
    readable.pipeThrough(new TransformStream({ transform: note })).pipeTo(writable);
  };

  /** Every frame that leaves the decoder, whether it is shown or not. */
  const follow = async (track) => {
    const { readable } = new MediaStreamTrackProcessor({ track, maxBufferSize: 120 });
    const reader = readable.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      decoded.push(value.metadata().rtpTimestamp);
      value.close();
    }
  };

  window.offerToPlay = async () => {
    const video = Object.assign(document.createElement('video'), { muted: true, autoplay: true });
    document.body.append(video);
    const stream = new MediaStream();
    peer.addEventListener('track', ({ track, receiver }) => {
      receiver.jitterBufferTarget = 0;
      noteCoded(receiver, track.kind);
      stream.addTrack(track);
      video.srcObject = stream;
      if (track.kind === 'video') follow(track.clone());
    });
    const next = (now) => {
      if (shownAt) gaps.push(now - shownAt);
      gaps.sort((a, b) => b - a);
      gaps.length = Math.min(gaps.length, 20);
      shownAt = now;
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
    for (const kind of ['video', 'audio']) peer.addTransceiver(kind, { direction: 'recvonly' });
    await peer.setLocalDescription(await peer.createOffer());
    return peer.localDescription.sdp;
  };

  /** `encodings`: of the video. */
  window.offerToPublish = async ({ width, height, encodings, codec, preference }) => {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true,
      video: { width, height, frameRate: 30 } });
    for (const track of stream.getTracks()) {
      const sendEncodings = track.kind === 'video' ? encodings : [];
      const transceiver = peer.addTransceiver(track, { direction: 'sendonly', sendEncodings });
      noteCoded(transceiver.sender, track.kind);
      if (track.kind !== 'video') continue;
      const codecs = RTCRtpReceiver.getCapabilities('video').codecs;
      transceiver.setCodecPreferences(codecs.filter(({ mimeType }) =>
        mimeType === `video/${codec}` || mimeType === 'video/rtx'));
      if (!preference) continue;
      const parameters = transceiver.sender.getParameters();
      parameters.degradationPreference = preference;
      await transceiver.sender.setParameters(parameters);
    }
    await peer.setLocalDescription(await peer.createOffer());
    return peer.localDescription.sdp;
  };

  window.accept = (sdp) => peer.setRemoteDescription({ type: 'answer', sdp });

  /** The statistics by type and kind: {'inbound-rtp-video': […]}. */
  window.figures = async () => {
    const out = {};
    (await peer.getStats()).forEach((entry) => {
      const name = entry.kind ? `${entry.type}-${entry.kind}` : entry.type;
      (out[name] ??= []).push(entry);
    });
    return out;
  };
  window.takeGaps = () => gaps.splice(0);
  window.takeDecoded = () => decoded.splice(0);
  window.takeCoded = () => coded.splice(0);
}

export class RtcPeer {
  /** What is changed of answers. */
  static change = (answer) => answer;

  static async #open(browser, server, path, up, down, offer, notesFrames = false) {
    const peer = new RtcPeer();
    peer.page = await (await browser.newContext()).newPage();
    await peer.page.goto(`${server.url}/publish`); // which may capture
    await peer.page.setContent('<!doctype html><title>peer</title><body>');
    await peer.page.evaluate(client, notesFrames);
    const body = await offer(peer.page);
    const response = await fetch(`${server.url}${path}`, { method: 'POST', body,
      headers: { 'Content-Type': 'application/sdp' } });
    const answer = await response.text();
    if (response.status !== 201) throw new Error(`${response.status}: ${answer}`);
    peer.location = new URL(response.headers.get('location'), server.url).href;
    peer.network = await PoorNetwork.start(portOf(answer), up, down);
    await peer.page.evaluate((sdp) => window.accept(sdp), peer.network.inAnswer(RtcPeer.change(answer)));
    return peer;
  }

  /** Watches `name`. `up`, `down`: of the network. */
  static watch(browser, server, name, up = {}, down = up, notesFrames = false) {
    return RtcPeer.#open(browser, server, `/${name}/whep`, up, down,
      (page) => page.evaluate(() => window.offerToPlay()), notesFrames);
  }

  /** Publishes the fake camera and microphone; `how`: width, height, codec,
   * encodings, preference (what is kept where not all can be), notesFrames. */
  static publish(browser, server, name, how, up = {}, down = up) {
    return RtcPeer.#open(browser, server, `/${name}/whip`, up, down,
      (page) => page.evaluate((one) => window.offerToPublish(one), how), how.notesFrames);
  }

  figures() { return this.page.evaluate(() => window.figures()); }
  /** The longest times between frames shown since the last call; ms. */
  gaps() { return this.page.evaluate(() => window.takeGaps()); }
  /** The RTP timestamps of the frames that were decoded since the last call. */
  decoded() { return this.page.evaluate(() => window.takeDecoded()); }
  /** {timestamp (RTP), mark} of coded frames since the last call, if they are noted. */
  coded() { return this.page.evaluate(() => window.takeCoded()); }

  async stop() {
    await fetch(this.location, { method: 'DELETE' });
    this.network.stop();
    await this.page.context().close();
  }
}
