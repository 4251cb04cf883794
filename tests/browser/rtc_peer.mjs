// SPDX-License-Identifier: LGPL-2.1-or-later
// A WHEP or WHIP client in a page of Chromium, whose media go through a poor network.
import { PoorNetwork, portOf } from './poor_network.mjs';

/** Runs in the page. */
function client() {
  const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  const gaps = []; // ms between frames shown, the longest first
  let shownAt = 0;
  window.peer = peer;

  window.offerToPlay = async () => {
    const video = Object.assign(document.createElement('video'), { muted: true, autoplay: true });
    document.body.append(video);
    const stream = new MediaStream();
    peer.addEventListener('track', ({ track, receiver }) => {
      receiver.jitterBufferTarget = 0;
      stream.addTrack(track);
      video.srcObject = stream;
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
}

export class RtcPeer {
  /** What is changed of answers. */
  static change = (answer) => answer;

  static async #open(browser, server, path, up, down, offer) {
    const peer = new RtcPeer();
    peer.page = await (await browser.newContext()).newPage();
    await peer.page.goto(`${server.url}/publish`); // which may capture
    await peer.page.setContent('<!doctype html><title>peer</title><body>');
    await peer.page.evaluate(client);
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
  static watch(browser, server, name, up = {}, down = up) {
    return RtcPeer.#open(browser, server, `/${name}/whep`, up, down,
      (page) => page.evaluate(() => window.offerToPlay()));
  }

  /** Publishes the fake camera and microphone; `how`: width, height, codec,
   * encodings, preference (what is kept where not all can be). */
  static publish(browser, server, name, how, up = {}, down = up) {
    return RtcPeer.#open(browser, server, `/${name}/whip`, up, down,
      (page) => page.evaluate((one) => window.offerToPublish(one), how));
  }

  figures() { return this.page.evaluate(() => window.figures()); }
  /** The longest times between frames shown since the last call; ms. */
  gaps() { return this.page.evaluate(() => window.takeGaps()); }

  async stop() {
    await fetch(this.location, { method: 'DELETE' });
    this.network.stop();
    await this.page.context().close();
  }
}
