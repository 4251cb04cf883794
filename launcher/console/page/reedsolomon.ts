// SPDX-License-Identifier: LGPL-2.1-or-later
// Reed-Solomon over GF(256): field polynomial 0x11D, generator roots 2^0 to 2^(parity - 1).

const POWER = new Uint8Array(510); // doubled, so that sums of two logarithms need no modulo
const LOG = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i += 1) {
  POWER[i] = x;
  POWER[i + 255] = x;
  LOG[x] = i;
  x <<= 1;
  if (x & 0x100) x ^= 0x11D;
}

const times = (a: number, b: number): number => (a && b ? POWER[LOG[a] + LOG[b]] : 0);
const over = (a: number, b: number): number => (a ? POWER[LOG[a] + 255 - LOG[b]] : 0);
/** Evaluates a polynomial, lowest power first, at `x`. */
const valueAt = (polynomial: readonly number[], x: number): number =>
  polynomial.reduceRight((sum, term) => times(sum, x) ^ term, 0);

const syndromesOf = (word: Uint8Array, parity: number): number[] => Array.from({ length: parity },
  (_, i) => word.reduce((sum, byte) => times(sum, POWER[i]) ^ byte, 0));

/** Berlekamp-Massey: the shortest recurrence that generates the syndromes. */
function locate(syndromes: readonly number[]): { locator: number[], length: number } {
  let locator = [1];
  let previous = [1];
  let length = 0;
  let gap = 1;
  let previousDiscrepancy = 1;
  syndromes.forEach((syndrome, n) => {
    let discrepancy = syndrome;
    for (let i = 1; i <= length; i += 1) {
      discrepancy ^= times(locator[i] ?? 0, syndromes[n - i]);
    }
    if (discrepancy === 0) {
      gap += 1;
      return;
    }
    const factor = over(discrepancy, previousDiscrepancy);
    const next = Array.from({ length: Math.max(locator.length, previous.length + gap) },
      (_, i) => (locator[i] ?? 0) ^ times(factor, previous[i - gap] ?? 0));
    if (2 * length <= n) {
      length = n + 1 - length;
      previous = locator;
      previousDiscrepancy = discrepancy;
      gap = 1;
    } else {
      gap += 1;
    }
    locator = next;
  });
  return { locator, length };
}

/** Corrects up to parity / 2 bytes of `word`; null if no codeword is that close. */
export function corrected(word: Uint8Array, parity: number): Uint8Array | null {
  const syndromes = syndromesOf(word, parity);
  if (syndromes.every((s) => s === 0)) return word;
  const { locator, length } = locate(syndromes);
  if (length > parity / 2) return null;
  // Error values by Forney's algorithm: evaluator = syndromes * locator modulo x^parity.
  const evaluator = syndromes.map((_, i) => {
    let sum = 0;
    for (let j = 0; j <= Math.min(i, length); j += 1) sum ^= times(locator[j] ?? 0, syndromes[i - j]);
    return sum;
  });
  const out = Uint8Array.from(word);
  let found = 0;
  for (let at = 0; at < word.length; at += 1) {
    const exponent = word.length - 1 - at;
    const inverse = POWER[(255 - (exponent % 255)) % 255];
    if (valueAt(locator.slice(0, length + 1), inverse) !== 0) continue;
    let slope = 0; // the formal derivative has only the odd terms
    for (let i = 1; i <= length; i += 2) {
      let term = locator[i] ?? 0;
      for (let k = 1; k < i; k += 1) term = times(term, inverse);
      slope ^= term;
    }
    if (slope === 0) return null;
    out[at] ^= times(over(valueAt(evaluator, inverse), slope), POWER[exponent % 255]);
    found += 1;
  }
  if (found !== length || syndromesOf(out, parity).some((s) => s !== 0)) return null;
  return out;
}
