// SPDX-License-Identifier: LGPL-2.1-or-later
// The connection to a room: one offer with sections for all that may ever be sent and received, the
// messages beside it, and another connection when it is lost.
import { CHANNEL, readMessage, type ClientMessage, type Kind, type ServerMessage,
  type Source } from './roomprotocol.js';
import type { Milliseconds } from './units.js';
import { Refusal, RtcSession } from './whip.js';

const CONNECT: Milliseconds = 10000;    // from the answer to the server's welcome
const INTERRUPTED: Milliseconds = 4000; // without an answer of the other side: join again
const RETRY_FIRST: Milliseconds = 500;  // doubled up to RETRY_LAST
const RETRY_LAST: Milliseconds = 8000;
const AUDIO_SLOTS = 8;

const SOURCES = ['microphone', 'camera', 'screen'] as const; // in the order of their sections
/** The bitrates (bit/s) suit 1280 × 720, its half and its quarter; smaller cameras need less by
 * themselves. */
const CAMERA_LAYERS: readonly RTCRtpEncodingParameters[] = [
  { rid: 'q', maxBitrate: 150_000, scaleResolutionDownBy: 4 },
  { rid: 'h', maxBitrate: 500_000, scaleResolutionDownBy: 2 },
  { rid: 'f', maxBitrate: 1_700_000, scaleResolutionDownBy: 1 },
];
const SCREEN_LAYERS: readonly RTCRtpEncodingParameters[] = [{ maxBitrate: 2_500_000 }];

/** lost: it was joined, and is tried again. removed: by a host. */
export type PeerState = 'idle' | 'joining' | 'joined' | 'lost' | 'failed' | 'removed';

/** The parameters of a connection. */
export interface Joining {
  readonly url: string;  // of the endpoint, with the name
  readonly key: string;  // bearer token; empty: none
  readonly videoSlots: number;
  readonly sends: boolean; // false: only receives
  /** Set on each sender and receiver; null: nothing is encrypted end to end. */
  readonly cipher: Cipher | null;
}

/** Encrypts and decrypts frames between the codec and the network. */
export interface Cipher {
  protect(sender: RTCRtpSender, kind: Kind): void;
  open(receiver: RTCRtpReceiver, kind: Kind): void;
}

/** A slot: media of a participant whom the server chooses. */
export interface Receiving {
  readonly kind: Kind;
  readonly stream: MediaStream; // of one track
}

interface Events {
  readonly state: () => void;
  readonly message: (message: ServerMessage) => void;
}

const codecOf = ({ mimeType }: RTCRtpCodec): string =>
  mimeType.replace(/^\w+\//, '').toUpperCase();

/** The profile of H.264 that every WebRTC client has; RFC 7742, section 6.2. */
const isBaseline = ({ sdpFmtpLine = '' }: RTCRtpCodec): boolean =>
  /profile-level-id=42e0/i.test(sdpFmtpLine) && /packetization-mode=1/.test(sdpFmtpLine);

/** The codecs that rooms carry, with those that repair losses. The offer has some thirty sections,
 * each of which lists them. */
function codecsOf(kind: Kind, isEncrypted: boolean): RTCRtpCodec[] {
  const known = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  const wanted = kind === 'audio' ? ['OPUS'] : ['VP8', 'RTX'];
  return known.filter((codec) => wanted.includes(codecOf(codec)) ||
    // Packets of H.264 can't be cut from frames that are encrypted.
    (codecOf(codec) === 'H264' && kind === 'video' && !isEncrypted && isBaseline(codec)));
}

export class RoomPeer {
  readonly #events: Events;
  readonly #tracks = new Map<Source, MediaStreamTrack>();
  readonly #senders = new Map<Source, RTCRtpSender>();
  #receiving = new Map<string, Receiving>();
  #state: PeerState = 'idle';
  #reason = '';
  #joining: Joining | null = null;
  #peer: RTCPeerConnection | null = null;
  #channel: RTCDataChannel | null = null;
  #session: RtcSession | null = null;
  #early: ServerMessage[] | null = []; // null: the welcome has come
  #timer = 0;
  #retry: Milliseconds = RETRY_FIRST;
  #wasJoined = false;

  constructor(events: Events) {
    this.#events = events;
    addEventListener('pagehide', () => this.leave());
    addEventListener('online', () => { if (this.#state === 'lost') this.#connect(); });
  }

  get state(): PeerState { return this.#state; }
  /** Why it failed or was lost: a sentence without the full stop. */
  get reason(): string { return this.#reason; }
  /** Slots by MID. */
  get receiving(): ReadonlyMap<string, Receiving> { return this.#receiving; }
  get connection(): RTCPeerConnection | null { return this.#peer; }

  join(joining: Joining): void {
    this.leave();
    this.#joining = joining;
    this.#retry = RETRY_FIRST;
    this.#wasJoined = false;
    this.#setState('joining');
    this.#connect();
  }

  leave(): void {
    this.#close();
    this.#joining = null;
    if (this.#state !== 'idle') this.#setState('idle');
  }

  /** Sends this from now on; null: nothing. */
  setTrack(source: Source, track: MediaStreamTrack | null): void {
    if (track === (this.#tracks.get(source) ?? null)) return;
    if (track) this.#tracks.set(source, track);
    else this.#tracks.delete(source);
    this.#senders.get(source)?.replaceTrack(track).catch(() => {
      // The connection has ended; the next one begins with the track.
    });
  }

  /** False if the channel is not open. */
  send(message: ClientMessage): boolean {
    if (this.#channel?.readyState !== 'open') return false;
    this.#channel.send(JSON.stringify(message));
    return true;
  }

  /** Takes effect now, and whenever it is joined again. */
  rename(name: string): void {
    if (!this.#joining) return;
    const url = new URL(this.#joining.url, location.href);
    url.searchParams.set('name', name);
    this.#joining = { ...this.#joining, url: url.href };
    this.send({ type: 'name', name });
  }

  #setState(state: PeerState, reason = ''): void {
    this.#state = state;
    this.#reason = reason;
    this.#events.state();
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#session?.end();
    this.#session = null;
    this.#channel = null;
    this.#peer?.close();
    this.#peer = null;
    this.#senders.clear();
    this.#receiving = new Map();
    this.#early = [];
  }

  #addSections(peer: RTCPeerConnection, { sends, videoSlots, cipher }: Joining): void {
    const isEncrypted = cipher !== null;
    for (const source of sends ? SOURCES : []) {
      const kind = source === 'microphone' ? 'audio' : 'video';
      const layers = { camera: CAMERA_LAYERS, screen: SCREEN_LAYERS, microphone: [] }[source];
      const transceiver = peer.addTransceiver(this.#tracks.get(source) ?? kind,
        { direction: 'sendonly', sendEncodings: layers.map((layer) => ({ ...layer })) });
      transceiver.setCodecPreferences(codecsOf(kind, isEncrypted));
      cipher?.protect(transceiver.sender, kind);
      this.#senders.set(source, transceiver.sender);
    }
    const receive = (kind: Kind, count: number): void => {
      for (let i = 0; i < count; i++) {
        const transceiver = peer.addTransceiver(kind, { direction: 'recvonly' });
        transceiver.setCodecPreferences(codecsOf(kind, isEncrypted));
        cipher?.open(transceiver.receiver, kind);
      }
    };
    receive('video', videoSlots);
    receive('audio', AUDIO_SLOTS);
  }

  async #connect(): Promise<void> {
    const joining = this.#joining;
    if (!joining) return;
    this.#close();
    const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.#peer = peer;
    peer.addEventListener('connectionstatechange', () => this.#changed(peer));
    try {
      this.#addSections(peer, joining);
      this.#openChannel(peer);
      const session = await RtcSession.open(peer, joining.url, joining.key);
      if (peer !== this.#peer) return session.end();
      this.#session = session;
    } catch (error) {
      if (peer === this.#peer) this.#refused(error);
      return;
    }
    for (const { mid, receiver, currentDirection } of peer.getTransceivers()) {
      if (mid === null || currentDirection !== 'recvonly') continue;
      const kind = receiver.track.kind === 'video' ? 'video' : 'audio';
      this.#receiving.set(mid, { kind, stream: new MediaStream([receiver.track]) });
    }
    if (this.#state !== 'joined') this.#timer = setTimeout(() => this.#unconnected(), CONNECT);
  }

  #openChannel(peer: RTCPeerConnection): void {
    const channel = peer.createDataChannel(CHANNEL);
    this.#channel = channel;
    channel.addEventListener('message', ({ data }) => {
      if (channel === this.#channel) this.#received(readMessage(data));
    });
    channel.addEventListener('close', () => {
      if (channel === this.#channel) this.#lost('the server has ended the connection');
    });
  }

  #received(message: ServerMessage | null): void {
    if (!message) return;
    if (message.type === 'welcome') return this.#welcomed(message);
    // Messages before the welcome speak of participants whom only that names.
    if (this.#early) this.#early.push(message);
    else this.#take(message);
  }

  #welcomed(message: ServerMessage): void {
    const early = this.#early ?? [];
    this.#early = null;
    clearTimeout(this.#timer);
    this.#retry = RETRY_FIRST;
    this.#wasJoined = true;
    this.#events.message(message);
    for (const one of early) this.#take(one);
    if (this.#peer) this.#setState('joined');
  }

  #take(message: ServerMessage): void {
    this.#events.message(message);
    if (message.type === 'removed') {
      this.#close();
      this.#joining = null;
      this.#setState('removed', 'a host has removed you from the room');
    }
  }

  #changed(peer: RTCPeerConnection): void {
    if (peer !== this.#peer) return;
    const { connectionState } = peer;
    if (connectionState === 'connected') {
      clearTimeout(this.#timer);
      if (this.#state !== 'joined') this.#timer = setTimeout(() => this.#unconnected(), CONNECT);
    } else if (connectionState === 'disconnected') {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#unconnected(), INTERRUPTED);
    } else if (connectionState === 'failed') {
      this.#unconnected();
    }
  }

  #unconnected(): void {
    if (this.#wasJoined) this.#lost('the connection is lost');
    else this.#fail('no connection comes about; a firewall may keep UDP away');
  }

  /** A server that is away may come back; a refusal is final for who was not in the room. */
  #refused(error: unknown): void {
    const { status, message } = error instanceof Refusal ? error : new Refusal(201, String(error));
    const isPassing = [0, 404, 409, 429].includes(status) || status >= 500;
    if (this.#wasJoined && isPassing) this.#lost(message);
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
}
