// SPDX-License-Identifier: LGPL-2.1-or-later
// Which of the ways that there are a stream is played: the viewer's, or else the quickest; one that
// did not work is left out for a while.
import type { Ways } from './streams.js';
import type { Milliseconds } from './units.js';

/** How a stream comes: over WebRTC, in segments, as one response for Media Source, or for <video>
 * itself. The order is the page's preference. */
export const TRANSPORTS = ['rtc', 'hls', 'flv', 'plain'] as const;
export type Transport = typeof TRANSPORTS[number];

export const isTransport = (value: unknown): value is Transport =>
  TRANSPORTS.some((transport) => transport === value);

/** What this browser plays. */
export type Abilities = Readonly<Record<'rtc' | 'hls' | 'flv', boolean>>;

/** Why a transport is left out. */
export interface Problem {
  readonly transport: Transport;
  readonly reason: string; // a sentence without the full stop
}

export class Transports {
  readonly #abilities: Abilities;
  readonly #problems = new Map<Transport, { reason: string; until: Milliseconds }>();
  #wanted: Transport | null = null; // null: the viewer has chosen none

  constructor(abilities: Abilities) { this.#abilities = abilities; }

  /** All that this browser can play, the preferred one first. */
  of({ rtc, hls, flv, ts, plain }: Ways): Transport[] {
    const there: Readonly<Record<Transport, boolean>> = {
      rtc: Boolean(rtc) && this.#abilities.rtc,
      hls: Boolean(hls) && this.#abilities.hls,
      flv: Boolean(flv ?? ts) && this.#abilities.flv,
      plain: Boolean(plain),
    };
    return TRANSPORTS.filter((transport) => there[transport]);
  }

  /** null: this browser can't play the stream. The only one is taken although it did not work. */
  best(ways: Ways, now: Milliseconds): Transport | null {
    const all = this.of(ways);
    const fit = all.filter((transport) => !this.#isOut(transport, now));
    const choice = fit.length ? fit : all;
    return choice.find((transport) => transport === this.#wanted) ?? choice.at(0) ?? null;
  }

  /** Applies to this stream and later ones. False if nothing has changed. */
  want(transport: Transport | null): boolean {
    const wasOut = transport !== null && this.#problems.delete(transport);
    if (transport === this.#wanted && !wasOut) return false;
    this.#wanted = transport;
    return true;
  }

  /** Leaves a transport out until then. */
  leaveOut({ transport, reason }: Problem, until: Milliseconds): void {
    this.#problems.set(transport, { reason, until });
  }

  /** For another stream, or the same from a new publisher. */
  forget(): void { this.#problems.clear(); }

  /** Of those that the stream has: what is left out in favour of `active`. */
  problem(ways: Ways, active: Transport | null): Problem | null {
    for (const transport of this.of(ways)) {
      const found = transport === active ? undefined : this.#problems.get(transport);
      if (found) return { transport, reason: found.reason };
    }
    return null;
  }

  #isOut(transport: Transport, now: Milliseconds): boolean {
    return (this.#problems.get(transport)?.until ?? 0) > now;
  }
}
