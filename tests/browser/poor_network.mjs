// SPDX-License-Identifier: LGPL-2.1-or-later
// A network that loses, delays and throttles datagrams, between a browser and a server on this
// machine: a UDP proxy.
import { createSocket } from 'node:dgram';

const OVERHEAD = 28; // bytes of the headers of IPv4 and UDP, which a network carries too

/** One direction of a client. */
class Direction {
  #free = 0; // when what was taken before has left; ms
  counts = { passed: 0, lost: 0, overflowed: 0, bytes: 0 };

  /** `send` is called later, unless the datagram is lost. */
  take(size, { loss = 0, delay = 0, rate = Infinity, queue = 300 }, send) {
    const now = performance.now();
    if (Math.random() < loss) {
      this.counts.lost += 1;
      return;
    }
    const begins = Math.max(now, this.#free);
    if (begins - now > queue) {
      this.counts.overflowed += 1;
      return;
    }
    this.#free = begins + ((size + OVERHEAD) * 8000) / rate;
    this.counts.passed += 1;
    this.counts.bytes += size;
    const wait = this.#free - now + delay;
    if (wait < 0.5) send();
    else setTimeout(send, wait);
  }
}

export class PoorNetwork {
  #server;
  #front;
  #clients = new Map(); // addresses to {socket, up, down}
  /** To the server and from it: {loss (0 to 1), delay (ms), rate (bit/s), queue (ms)}. May be
   * changed. */
  up = {};
  down = {};

  /** In front of a UDP port of 127.0.0.1. */
  static async start(server, up = {}, down = up) {
    const network = new PoorNetwork();
    network.#server = server;
    Object.assign(network, { up, down });
    network.#front = createSocket('udp4');
    network.#front.on('message', (datagram, from) => network.#onClient(datagram, from));
    await new Promise((resolve) => { network.#front.bind(0, '127.0.0.1', resolve); });
    network.port = network.#front.address().port;
    return network;
  }

  #onClient(datagram, { address, port }) {
    const key = `${address}:${port}`;
    let client = this.#clients.get(key);
    if (!client) {
      client = { socket: createSocket('udp4'), up: new Direction(), down: new Direction() };
      this.#clients.set(key, client);
      client.socket.on('message', (reply) => {
        client.down.take(reply.length, this.down, () => this.#front.send(reply, port, address,
          () => { /* the client may have gone */ }));
      });
    }
    client.up.take(datagram.length, this.up, () => client.socket.send(datagram, this.#server,
      '127.0.0.1', () => { /* so may the server */ }));
  }

  /** Sums over the clients: {up, down} of {passed, lost, overflowed (datagrams), bytes}. */
  get counts() {
    const sum = (direction) => [...this.#clients.values()].reduce((all, client) => {
      for (const [name, count] of Object.entries(client[direction].counts)) all[name] += count;
      return all;
    }, { passed: 0, lost: 0, overflowed: 0, bytes: 0 });
    return { up: sum('up'), down: sum('down') };
  }

  /** An SDP answer whose only address is this side. */
  inAnswer(sdp) {
    return sdp.replace(/^a=candidate:.* tcp .*\r\n/gim, '')
      .replace(/^(a=candidate:\S+ \d+ udp \d+ )\S+ \d+/gim, `$1127.0.0.1 ${this.port}`);
  }

  stop() {
    for (const { socket } of this.#clients.values()) socket.close();
    this.#front.close();
  }
}

/** The UDP port of an SDP answer. */
export const portOf = (sdp) => Number(/^a=candidate:\S+ \d+ udp \d+ \S+ (\d+)/im.exec(sdp)[1]);
