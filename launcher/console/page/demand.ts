// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks for a selected stream that is not listed: the server may make it when asked.
import { askFor } from './streams.js';
import type { Milliseconds } from './units.js';

const ASK_AGAIN: Milliseconds = 5000; // between requests for a stream that is not available

export class Demand {
  readonly #changed: () => void;
  readonly #found: () => void;
  #name = '';
  #pending = false;
  #begins = false;
  #at: Milliseconds = 0;

  /** `changed`: `begins` did; `found`: the stream is there. */
  constructor(changed: () => void, found: () => void) {
    this.#changed = changed;
    this.#found = found;
  }

  /** The stream asked for is being made. */
  get begins(): boolean { return this.#begins; }

  async want(name: string): Promise<void> {
    const isEarly = this.#name === name && performance.now() - this.#at < ASK_AGAIN;
    if (this.#pending || isEarly) return;
    this.#name = name;
    this.#pending = true;
    // A refusal comes at once; making a stream takes a moment.
    const timer = setTimeout(() => {
      this.#begins = true;
      this.#changed();
    }, 500);
    const there = await askFor(name);
    clearTimeout(timer);
    this.#pending = this.#begins = false;
    this.#at = performance.now();
    if (there) this.#found();
    else this.#changed();
  }
}
