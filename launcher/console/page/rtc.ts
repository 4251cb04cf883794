// SPDX-License-Identifier: LGPL-2.1-or-later
// Plays a stream over WebRTC (WHEP) in a <video>, with as little delay as the network allows.
import { Refusal, RtcSession } from './whip.js';
import { readInbound, type Inbound } from './rtcstats.js';
import type { Milliseconds, Seconds } from './units.js';

const CONNECT: Milliseconds = 6000;     // from the answer to the first packet of the other side
const FIRST_FRAME: Milliseconds = 8000; // from then to the first frame: one keyframe interval
const SILENCE: Milliseconds = 6000;     // nothing arrives for this time: the connection is lost
const SOON: Milliseconds = 5000;        // a server with less to wait for is asked again at once
const LEFT_OUT: Milliseconds = 60000;   // before another attempt, where no frame has come
const LOOK: Milliseconds = 500;         // interval between looks at the statistics

/** Why it does not play, and what helps: asking again (lost), waiting for the server (away), or
 * another transport (unfit). */
export interface RtcFailure {
  readonly kind: 'lost' | 'away' | 'unfit';
  readonly reason: string; // a sentence without the full stop
  readonly retryAfter: Milliseconds | null; // null: it is not known when another attempt may help
}

interface RtcEvents {
  readonly ready: () => void; // playback may begin
  readonly failed: (failure: RtcFailure) => void; // called once
}

/** The state of the network between the server and here. */
export interface Network {
  readonly roundTrip: Seconds | null; // null: unknown
  readonly received: number; // packets
  readonly lost: number;     // packets
}

/** Browsers keep a reserve of frames against jitter; this asks for none but what is needed. */
function hurry(receiver: RTCRtpReceiver): void {
  const either: { jitterBufferTarget?: Milliseconds | null; playoutDelayHint?: Seconds } = receiver;
  if ('jitterBufferTarget' in either) either.jitterBufferTarget = 0;
  else if ('playoutDelayHint' in either) either.playoutDelayHint = 0; // Chromium's older name
}

function kindOf({ status, retryAfter }: Refusal): RtcFailure['kind'] {
  if (status === 0) return 'away';
  // A stream that is listed and not there is beginning, or its publisher is away.
  const isSoon = status === 503 && retryAfter !== null && retryAfter <= SOON;
  const isPassing = [404, 408].includes(status) || (status >= 500 && status !== 503);
  return isSoon || isPassing ? 'lost' : 'unfit';
}

export class RtcEngine {
  readonly #events: RtcEvents;
  readonly #peer: RTCPeerConnection;
  readonly #media = new MediaStream();
  #session: RtcSession | null = null;
  #gone = false;
  #timer = 0;
  #looking = 0;
  #last: Inbound | null = null;
  #arrivedAt: Milliseconds = 0; // when media last came
  #begun = false;               // a frame, or sound without video, was decoded
  #delay: Seconds | null = null;

  static get playable(): boolean { return 'RTCPeerConnection' in window; }

  constructor(video: HTMLVideoElement, url: string, events: RtcEvents) {
    this.#events = events;
    const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.#peer = peer;
    for (const kind of ['video', 'audio']) peer.addTransceiver(kind, { direction: 'recvonly' });
    peer.addEventListener('track', ({ track, receiver, transceiver }) => {
      hurry(receiver);
      this.#media.addTrack(track);
      // The server ends a connection by closing its DTLS.
      transceiver.receiver.transport?.addEventListener('statechange', ({ target }) => {
        const { state } = target as RTCDtlsTransport;
        if (state === 'closed') this.#session = null; // there is nothing left to tell it
        if (['closed', 'failed'].includes(state)) this.#fail('lost', 'the connection has ended');
      });
    });
    peer.addEventListener('connectionstatechange', () => {
      if (peer.connectionState === 'connected') this.#connected();
      else if (peer.connectionState === 'failed') this.#unconnected();
    });
    this.#open(video, url);
  }

  /** The time that a frame spends here before it is shown; null: unknown. */
  get latency(): Seconds | null { return this.#delay; }
  get network(): Network | null {
    if (!this.#last) return null;
    const { roundTrip, video, audio } = this.#last;
    return { roundTrip, received: video.packets + audio.packets, lost: video.lost + audio.lost };
  }
  /** Nothing was shown yet: the engine itself says when that takes too long. */
  get begins(): boolean { return !this.#begun; }

  destroy(): void {
    this.#gone = true;
    clearTimeout(this.#timer);
    clearInterval(this.#looking);
    for (const track of this.#media.getTracks()) track.stop();
    const session = this.#session;
    this.#session = null;
    if (session) session.end().finally(() => this.#peer.close());
    else this.#peer.close();
  }

  async #open(video: HTMLVideoElement, url: string): Promise<void> {
    try {
      const session = await RtcSession.open(this.#peer, url);
      if (this.#gone) return session.end();
      this.#session = session;
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(0, String(error));
      return this.#fail(kindOf(refusal), refusal.message, refusal.retryAfter);
    }
    if (!this.#media.getTracks().length) {
      return this.#fail('unfit', 'the stream has nothing that goes over it');
    }
    if (this.#peer.connectionState !== 'connected') {
      this.#timer = setTimeout(() => this.#unconnected(), CONNECT);
    }
    video.srcObject = this.#media;
    this.#events.ready();
  }

  #fail(kind: RtcFailure['kind'], reason: string, retryAfter: Milliseconds | null = null): void {
    if (this.#gone) return;
    this.destroy();
    this.#events.failed({ kind, reason, retryAfter });
  }

  #unconnected(): void {
    if (this.#begun) this.#fail('lost', 'the connection is lost');
    else this.#fail('unfit', 'no connection comes about; a firewall may keep UDP away');
  }

  #connected(): void {
    clearTimeout(this.#timer);
    if (this.#looking || this.#gone) return;
    this.#awaitFrame();
    this.#arrivedAt = performance.now();
    this.#looking = setInterval(() => this.#look(), LOOK);
  }

  #awaitFrame(): void {
    this.#timer = setTimeout(() => {
      // Some browsers decode nothing in a tab that nobody sees.
      if (document.hidden) this.#awaitFrame();
      else this.#fail('unfit', 'no frame comes that can be shown', LEFT_OUT);
    }, FIRST_FRAME);
  }

  async #look(): Promise<void> {
    const report = await this.#peer.getStats();
    if (this.#gone) return;
    const now = readInbound(report);
    const last = this.#last;
    this.#last = now;
    const hasVideo = this.#media.getVideoTracks().length > 0;
    if (!this.#begun && (hasVideo ? now.video.frames > 0 : now.audio.packets > 0)) {
      this.#begun = true;
      clearTimeout(this.#timer);
    }
    const packets = now.video.packets + now.audio.packets;
    if (!last || packets > last.video.packets + last.audio.packets) {
      this.#arrivedAt = performance.now();
    } else if (this.#begun && performance.now() - this.#arrivedAt > SILENCE) {
      return this.#fail('lost', 'nothing arrives any more');
    }
    const kind = hasVideo ? 'video' : 'audio';
    const count = last ? now[kind].played - last[kind].played : 0;
    if (last && count > 0) this.#delay = (now[kind].held - last[kind].held) / count;
  }
}
