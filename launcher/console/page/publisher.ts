// SPDX-License-Identifier: LGPL-2.1-or-later
// Publishes a captured stream over WebRTC (WHIP), and connects again when the connection is lost.
import { readOutbound, type Outbound } from './rtcstats.js';
import type { Milliseconds } from './units.js';
import { Refusal, RtcSession } from './whip.js';

const CONNECT: Milliseconds = 8000;    // from the answer to the connection
const INTERRUPTED: Milliseconds = 5000; // without an answer of the other side: connect again
const RETRY_FIRST: Milliseconds = 500; // doubled up to RETRY_LAST
const RETRY_LAST: Milliseconds = 8000;
const LOOK: Milliseconds = 1000;       // between looks at the statistics
const SETTLED: Milliseconds = 10000;   // from the connection until the bitrate has risen

/** Codecs that there are to choose from, the preferred one first: everybody plays H.264. */
const CODECS = ['H264', 'VP9', 'AV1', 'VP8'] as const;
export type Codec = typeof CODECS[number];

export interface Sending {
  readonly url: string;     // of the endpoint
  readonly key: string;     // empty: none
  readonly codec: Codec;
  readonly bitrate: number; // of the video, bit/s
  readonly simulcast: boolean;
}

/** lost: the connection was there, and is tried again. */
export type PublisherState = 'idle' | 'connecting' | 'live' | 'lost' | 'failed';

export interface Figures extends Outbound {
  readonly bitrate: number; // of all media, bit/s
}

const kindOf = ({ mimeType }: RTCRtpCodec): string =>
  mimeType.replace(/^video\//i, '').toUpperCase();

/** Those of the codecs that this browser encodes. */
export function encodable(): Codec[] {
  if (!('RTCRtpSender' in window)) return [];
  const here = new Set(RTCRtpSender.getCapabilities('video')?.codecs.map(kindOf));
  return CODECS.filter((codec) => here.has(codec));
}

/** The codec alone, with what repairs losses: the server takes what it likes best of an offer.
 * Preferences are chosen from what can be received, also where nothing is. */
function only(codec: Codec): RTCRtpCodec[] {
  const helpers = new Set(['RTX', 'RED', 'ULPFEC', 'FLEXFEC-03']);
  const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  return codecs.filter((one) => kindOf(one) === codec || helpers.has(kindOf(one)));
}

/** One size, or three: all, a half and a quarter of the width and height. */
export function layersOf({ codec, bitrate, simulcast }: Sending): RTCRtpEncodingParameters[] {
  if (!simulcast) return [{ maxBitrate: bitrate }];
  // VP9 and AV1 otherwise put the sizes into one stream (SVC).
  const mode = codec === 'VP9' || codec === 'AV1' ? { scalabilityMode: 'L1T1' } : {};
  return [
    { rid: 'f', maxBitrate: bitrate, ...mode },
    { rid: 'h', maxBitrate: Math.round(bitrate / 3), scaleResolutionDownBy: 2, ...mode },
    { rid: 'q', maxBitrate: Math.round(bitrate / 9), scaleResolutionDownBy: 4, ...mode },
  ];
}

/** Browsers begin with a small picture, which grows for half a minute, since they do not know yet
 * what the network carries. Kept at its size it has fewer frames for a second instead. Later a
 * picture that is too much becomes smaller, too. */
async function keepSize(peer: RTCPeerConnection, isKept: boolean): Promise<void> {
  for (const { sender } of peer.getTransceivers()) {
    if (sender.track?.kind !== 'video') continue;
    const parameters = sender.getParameters();
    parameters.degradationPreference = isKept ? 'maintain-resolution' : 'balanced';
    await sender.setParameters(parameters).catch(() => { /* a browser that has no choice */ });
  }
}

export class Publisher extends EventTarget {
  #state: PublisherState = 'idle';
  #reason = '';
  #figures: Figures | null = null;
  #media: MediaStream | null = null;
  #sending: Sending | null = null;
  #peer: RTCPeerConnection | null = null;
  #session: RtcSession | null = null;
  #timer = 0;
  #looking = 0;
  #settling = 0;
  #isSettled = false;
  #retry: Milliseconds = RETRY_FIRST;
  #wasLive = false;

  constructor() {
    super();
    addEventListener('pagehide', () => this.stop());
  }

  get state(): PublisherState { return this.#state; }
  /** Why it failed or was lost: a sentence without the full stop. */
  get reason(): string { return this.#reason; }
  /** null unless it is live. */
  get figures(): Figures | null { return this.#figures; }

  start(media: MediaStream, sending: Sending): void {
    this.stop();
    this.#media = media;
    this.#sending = sending;
    this.#retry = RETRY_FIRST;
    this.#wasLive = false;
    this.#setState('connecting');
    this.#connect();
  }

  stop(): void {
    this.#close();
    this.#media = null;
    this.#setState('idle');
  }

  #setState(state: PublisherState, reason = ''): void {
    this.#state = state;
    this.#reason = reason;
    if (state !== 'live') this.#figures = null;
    this.dispatchEvent(new Event('state'));
  }

  #close(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#looking);
    clearTimeout(this.#settling);
    this.#session?.end();
    this.#session = null;
    this.#peer?.close();
    this.#peer = null;
  }

  async #connect(): Promise<void> {
    const [media, sending] = [this.#media, this.#sending];
    if (!media || !sending) return;
    this.#close();
    const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.#peer = peer;
    peer.addEventListener('connectionstatechange', () => this.#changed(peer));
    try {
      for (const track of media.getTracks()) {
        const isVideo = track.kind === 'video';
        const transceiver = peer.addTransceiver(track, { direction: 'sendonly', streams: [media],
          ...(isVideo ? { sendEncodings: layersOf(sending) } : {}) });
        if (isVideo) transceiver.setCodecPreferences(only(sending.codec));
      }
      await keepSize(peer, true);
      const session = await RtcSession.open(peer, sending.url, sending.key);
      if (peer !== this.#peer) return session.end();
      this.#session = session;
    } catch (error) {
      if (peer === this.#peer) this.#refused(error);
      return;
    }
    for (const { sender } of peer.getTransceivers()) {
      // The server ends a connection by closing its DTLS.
      sender.transport?.addEventListener('statechange', () => {
        if (peer === this.#peer && sender.transport?.state === 'closed') {
          this.#session = null; // there is nothing left to tell it
          this.#lost('the server has ended the connection');
        }
      });
    }
    if (peer.connectionState !== 'connected') {
      this.#timer = setTimeout(() => this.#unconnected(), CONNECT);
    }
  }

  #changed(peer: RTCPeerConnection): void {
    if (peer !== this.#peer) return;
    clearTimeout(this.#timer);
    if (peer.connectionState === 'connected') {
      this.#retry = RETRY_FIRST;
      this.#wasLive = true;
      this.#setState('live');
      clearInterval(this.#looking);
      this.#looking = setInterval(() => this.#look(peer), LOOK);
      this.#settle(peer);
    } else if (peer.connectionState === 'disconnected') {
      this.#timer = setTimeout(() => this.#lost('the connection is lost'), INTERRUPTED);
    } else if (peer.connectionState === 'failed') {
      if (this.#state === 'live') this.#lost('the connection is lost');
      else this.#unconnected();
    }
  }

  #settle(peer: RTCPeerConnection): void {
    clearTimeout(this.#settling);
    this.#isSettled = false;
    this.#settling = setTimeout(() => {
      this.#isSettled = true;
      keepSize(peer, false);
    }, SETTLED);
  }

  #unconnected(): void {
    const reason = 'no connection comes about; a firewall may keep UDP away';
    if (this.#wasLive) this.#lost(reason);
    else this.#fail(reason);
  }

  /** A server that is away may come back; a refusal is final, except that the name may still be
   * taken by the connection before. */
  #refused(error: unknown): void {
    const { status, message } = error instanceof Refusal ? error : new Refusal(201, String(error));
    const isPassing = [0, 404, 409].includes(status) || status >= 500;
    if (this.#wasLive && isPassing) this.#lost(message);
    else this.#fail(message);
  }

  #lost(reason: string): void {
    this.#close();
    this.#setState('lost', reason);
    this.#timer = setTimeout(() => this.#connect(), this.#retry);
    this.#retry = Math.min(this.#retry * 2, RETRY_LAST);
  }

  #fail(reason: string): void {
    this.#close();
    this.#setState('failed', reason);
  }

  async #look(peer: RTCPeerConnection): Promise<void> {
    const now = readOutbound(await peer.getStats());
    if (peer !== this.#peer || this.#state !== 'live') return;
    const last = this.#figures;
    const seconds = last ? (now.at - last.at) / 1000 : 0;
    const bitrate = last && seconds > 0 ? (now.bytes - last.bytes) * 8 / seconds : 0;
    // While the bitrate rises it is always said to be the network that limits it.
    const limitedBy = this.#isSettled || now.limitedBy === 'cpu' ? now.limitedBy : '';
    this.#figures = { ...now, bitrate, limitedBy };
    this.dispatchEvent(new Event('state'));
  }
}
