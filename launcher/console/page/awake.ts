// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps the screen on while something is sent: a phone that darkens it stops its camera.

/** Looked at again with each call, since a page that is hidden loses the lock. */
export class ScreenLock {
  #lock: WakeLockSentinel | null = null;
  #asks = false;

  async keep(isOn: boolean): Promise<void> {
    const isWanted = isOn && !document.hidden;
    if (this.#asks || isWanted === (this.#lock !== null && !this.#lock.released)) return;
    this.#asks = true;
    try {
      if (isWanted) this.#lock = await navigator.wakeLock.request('screen');
      else await this.#lock?.release();
    } catch { /* a browser that has no such lock */ }
    this.#asks = false;
  }
}
