// SPDX-License-Identifier: LGPL-2.1-or-later
// A Penstock server and publishers for a test: real processes on free ports, ended by their ids.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Polls `condition` until it returns something truthy; returns that. */
export async function until(what, condition, ms = 20000) {
  const deadline = Date.now() + ms;
  let last;
  while (Date.now() < deadline) {
    try {
      const result = await condition();
      if (result) return result;
    } catch (error) {
      last = error;
    }
    await pause(50);
  }
  throw new Error(`${what}: not within ${ms / 1000} s${last ? ` (${last.message})` : ''}`);
}

const freePort = () => new Promise((resolve, reject) => {
  const socket = createServer();
  socket.on('error', reject);
  socket.listen(0, '127.0.0.1', () => {
    const { port } = socket.address();
    socket.close(() => resolve(port));
  });
});

/** {verdict, frame, sent (µs)} of a line with latencyread's message, as gst-launch -m prints it. */
export function readLatency(line) {
  const found = /penstock-latency.*verdict=\(string\)(\w+).* frame=\(uint\)(\d+).* sent=\(gint64\)(\d+)/.exec(line);
  return found && { verdict: found[1], frame: Number(found[2]), sent: Number(found[3]) };
}

class Child {
  constructor(command, args) {
    this.output = '';
    this.process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.on('data', (data) => { this.output = (this.output + data).slice(-20000); });
    }
    this.ended = new Promise((resolve) => {
      this.process.on('exit', (code, signal) => resolve(code ?? signal));
      this.process.on('error', (error) => { this.output += error.message; resolve('error'); });
    });
  }

  /** Asks the process to end; kills it after five seconds. Returns the exit code, or the signal.
   * */
  async stop(signal = 'SIGINT') {
    this.process.kill(signal);
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 5000);
    const result = await this.ended;
    clearTimeout(timer);
    return result;
  }
}

/** Footage to publish: PENSTOCK_MEDIA, or a test pattern and a tone by ffmpeg. */
export function footage(directory) {
  const given = process.env.PENSTOCK_MEDIA;
  if (given) {
    if (!existsSync(given)) throw new Error(`PENSTOCK_MEDIA=${given} is no file`);
    console.log(`# footage: ${given}`);
    return given;
  }
  const made = `${directory}/generated.mp4`;
  console.log('# footage: none in PENSTOCK_MEDIA, publishing a generated picture');
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i',
    'testsrc2=size=640x360:rate=25:duration=8', '-f', 'lavfi', '-i', 'sine=frequency=440:duration=8',
    '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '50', '-c:a', 'aac', made]);
  return made;
}

/** A self-signed certificate; from then on fetch() accepts any. */
export function certificate(directory) {
  const made = { certificate: `${directory}/certificate.pem`, key: `${directory}/key.pem` };
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
    '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1',
    '-out', made.certificate, '-keyout', made.key], { stdio: 'ignore' });
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  return made;
}

export class Server {
  #children = [];
  publishers = []; // those with stamps

  /** `penstock run` of these descriptions on two free ports. `certificate`: its files, for HTTPS;
   *  `settings`: further ones, as 'name=value'. */
  static async start(program, descriptions = ['live'], certificate = null, settings = []) {
    const server = new Server();
    server.settings = certificate ? ['--set', 'web=https',
      '--set', `tls-certificate=${certificate.certificate}`, '--set', `tls-key=${certificate.key}`] : [];
    server.settings.push(...settings.flatMap((setting) => ['--set', setting]));
    server.program = program;
    server.descriptions = descriptions;
    server.rtmp = await freePort();
    server.http = await freePort();
    server.url = `${certificate ? 'https' : 'http'}://127.0.0.1:${server.http}`;
    await server.run();
    return server;
  }

  async run() {
    this.penstock = new Child(this.program, ['run', ...this.descriptions,
      '--set', `rtmp=127.0.0.1:${this.rtmp}`, '--set', `http=127.0.0.1:${this.http}`,
      ...this.settings]);
    this.#children.push(this.penstock);
    await until('penstock answers over HTTP', () => this.streams());
  }

  async streams() {
    const response = await fetch(`${this.url}/streams.json`);
    return response.ok && (await response.json()).streams;
  }

  /** Publishes `file` endlessly, in real time and unchanged. */
  publish(file, name) {
    const publisher = new Child('ffmpeg', ['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1',
      '-i', file, '-c', 'copy', '-f', 'flv', `rtmp://127.0.0.1:${this.rtmp}/${name}`]);
    this.#children.push(publisher);
    return publisher;
  }

  /** Publishes a test pattern with a stamp in each frame, and a tone if `audio`. */
  publishStamped(name, { audio = false } = {}) {
    const publisher = new Child('gst-launch-1.0', ['-q', 'videotestsrc', 'is-live=true', 'pattern=ball',
      '!', 'video/x-raw,format=I420,width=640,height=360,framerate=30/1', '!',
      'latencystamp', 'source-id=7', '!', 'x264enc', 'tune=zerolatency', 'speed-preset=ultrafast',
      'bitrate=800', 'key-int-max=30', '!', 'flvlivemux', 'name=mux', '!', 'rtmp2sink',
      `location=rtmp://127.0.0.1:${this.rtmp}/${name}`,
      ...(audio ? ['audiotestsrc', 'is-live=true', '!', 'avenc_aac', '!', 'mux.'] : [])]);
    this.#children.push(publisher);
    this.publishers.push(publisher);
    return publisher;
  }

  /** The stamps that latencyread reads as an RTMP player: frame numbers to stamped times (µs).
   * */
  witness(name) {
    const witness = new Child('gst-launch-1.0', ['-m', 'rtmp2src',
      `location=rtmp://127.0.0.1:${this.rtmp}/${name}`, '!', 'flvlivedemux', '!', 'avdec_h264', '!',
      'latencyread', 'interval=0', '!', 'fakesink', 'sync=false']);
    this.#children.push(witness);
    const times = new Map();
    let rest = '';
    witness.process.stdout.on('data', (data) => {
      const lines = (rest + data).split('\n');
      rest = lines.pop();
      for (const message of lines.map(readLatency).filter(Boolean)) {
        times.set(message.frame, message.sent);
      }
    });
    return times;
  }

  async stop() {
    for (const child of this.#children.reverse()) await child.stop();
  }

  /** The processes' output, for a failed test. */
  get log() { return this.#children.map((child) => child.output).join('\n---\n'); }
}
