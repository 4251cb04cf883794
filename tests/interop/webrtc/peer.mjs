// SPDX-License-Identifier: LGPL-2.1-or-later
// Publishes by WHIP and plays by WHEP with WebRTC libraries of others:
// peer.mjs node-datachannel|werift|wrtc whip|whep URL VIDEO_PORT AUDIO_PORT
// RTP for sending comes in at these UDP ports of 127.0.0.1, and what is received goes out there; wrtc
// makes and takes pictures itself. Prints what it does, and ends by DELETE when its standard input
// does.
import { createSocket } from 'node:dgram';

const [library, way, url, ...ports] = process.argv.slice(2);
const [videoPort, audioPort] = ports.map(Number);
const VIDEO = 96, AUDIO = 111; // payload types that OBS Studio has
const sends = way === 'whip';
const say = (text) => process.stdout.write(`${text}\n`);

/** Calls `take` with each RTP packet that comes to a port. */
function listen(port, take) {
  const socket = createSocket('udp4');
  socket.on('message', take);
  socket.bind(port, '127.0.0.1');
}

const out = createSocket('udp4');
let packets = 0;
/** Sends a received packet on; RTCP (RFC 5761, section 4) stays here. */
function forward(packet, port, type) {
  if (packet[1] >= 192 && packet[1] <= 223) return;
  const copy = Buffer.from(packet);
  copy[1] = (copy[1] & 0x80) | type;
  out.send(copy, port, '127.0.0.1');
  packets += 1;
  if (packets % 100 === 0) say(`received ${packets} packets`);
}

/** The offer's exchange for an answer: 201, and where the session is. */
async function exchange(offer) {
  const response = await fetch(url, { method: 'POST', body: offer,
    headers: { 'Content-Type': 'application/sdp' } });
  const body = await response.text();
  if (response.status !== 201) throw new Error(`${response.status}: ${body}`);
  const session = new URL(response.headers.get('Location'), url);
  process.stdin.on('end', async () => {
    const { status } = await fetch(session, { method: 'DELETE' });
    say(`DELETE ${status}`);
    process.exit(status === 200 ? 0 : 1);
  });
  process.stdin.resume();
  return body;
}

/** libdatachannel, which OBS Studio has, with OBS' offer: audio first, no candidates, no RTX. */
async function nodeDatachannel() {
  const rtc = await import('node-datachannel');
  const peer = new rtc.PeerConnection(library, { iceServers: [], disableAutoNegotiation: true });
  const direction = sends ? 'SendOnly' : 'RecvOnly';
  const audio = new rtc.Audio('0', direction);
  audio.addOpusCodec(AUDIO);
  const video = new rtc.Video('1', direction);
  video.addH264Codec(VIDEO);
  const track = (media, ssrc, port, type) => {
    if (sends) media.addSSRC(ssrc, library, 'obs', media.mid());
    const made = peer.addTrack(media);
    if (!sends) return made.onMessage((packet) => forward(packet, port, type));
    return listen(port, (packet) => {
      packet.writeUInt32BE(ssrc, 8);
      if (made.isOpen()) made.sendMessageBinary(packet);
    });
  };
  track(audio, 0x1111, audioPort, AUDIO);
  track(video, 0x2222, videoPort, VIDEO);
  peer.onStateChange((state) => say(state));
  const gathered = new Promise((resolve) => {
    peer.onGatheringStateChange((state) => { if (state === 'complete') resolve(); });
  });
  peer.setLocalDescription('offer');
  await gathered;
  const offer = peer.localDescription().sdp.replace(/^a=(candidate|end-of-candidates).*\r\n/gm, '');
  peer.setRemoteDescription(await exchange(offer), 'answer');
}

async function weriftPeer() {
  const { MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters } = await import('werift');
  const feedback = [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }];
  const peer = new RTCPeerConnection({ iceServers: [], codecs: {
    audio: [new RTCRtpCodecParameters({ mimeType: 'audio/opus', clockRate: 48000, channels: 2,
      payloadType: AUDIO })],
    video: [new RTCRtpCodecParameters({ mimeType: 'video/H264', clockRate: 90000,
      payloadType: VIDEO, rtcpFeedback: feedback,
      parameters: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f' })],
  } });
  for (const [kind, port, type] of [['audio', audioPort, AUDIO], ['video', videoPort, VIDEO]]) {
    if (sends) {
      const track = new MediaStreamTrack({ kind });
      peer.addTransceiver(track, { direction: 'sendonly' });
      listen(port, (packet) => track.writeRtp(packet));
    } else {
      peer.addTransceiver(kind, { direction: 'recvonly' }).onTrack.subscribe((track) => {
        track.onReceiveRtp.subscribe((packet) => forward(packet.serialize(), port, type));
      });
    }
  }
  peer.connectionStateChange.subscribe((state) => say(state));
  await peer.setLocalDescription(await peer.createOffer());
  await peer.setRemoteDescription({ type: 'answer', sdp: await exchange(peer.localDescription.sdp) });
}

/** libwebrtc, which browsers have, as Node's module; without H.264, hence VP8. */
async function wrtc() {
  const { default: rtc } = await import('@roamhq/wrtc');
  const peer = new rtc.RTCPeerConnection();
  if (sends) {
    const [width, height] = [320, 240];
    const source = new rtc.nonstandard.RTCVideoSource();
    const sound = new rtc.nonstandard.RTCAudioSource();
    peer.addTransceiver(sound.createTrack(), { direction: 'sendonly' });
    peer.addTransceiver(source.createTrack(), { direction: 'sendonly' });
    const data = new Uint8ClampedArray(width * height * 1.5);
    setInterval(() => {
      for (let i = 0; i < data.length; i += 7) data[i] = (data[i] + 31) & 255;
      source.onFrame({ width, height, data });
    }, 40);
    const samples = new Int16Array(480);
    setInterval(() => sound.onData({ samples, sampleRate: 48000, bitsPerSample: 16,
      channelCount: 1, numberOfFrames: 480 }), 10);
  } else {
    let frames = 0;
    peer.addEventListener('track', ({ track }) => {
      if (track.kind !== 'video') return;
      new rtc.nonstandard.RTCVideoSink(track).onframe = ({ frame }) => {
        frames += 1;
        if (frames % 25 === 0) say(`decoded ${frames} frames of ${frame.width}x${frame.height}`);
      };
    });
    for (const kind of ['audio', 'video']) peer.addTransceiver(kind, { direction: 'recvonly' });
  }
  peer.addEventListener('connectionstatechange', () => say(peer.connectionState));
  await peer.setLocalDescription(await peer.createOffer());
  await peer.setRemoteDescription({ type: 'answer', sdp: await exchange(peer.localDescription.sdp) });
}

await { 'node-datachannel': nodeDatachannel, werift: weriftPeer, wrtc }[library]();
