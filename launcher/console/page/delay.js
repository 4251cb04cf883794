// SPDX-License-Identifier: LGPL-2.1-or-later
// What the page says of latency, in words.

const ms = (seconds) => `${Math.round(seconds * 1000)} ms`;
const s = (seconds) => `${seconds.toFixed(1)} s`;

/** The line under the title; empty without a stamp. */
export function glassLine(figures) {
  if (figures.verdict === 'clock') return 'Glass to glass: the clocks differ';
  return figures.verdict === 'ok' ? `Glass to glass ${ms(figures.p50)}` : '';
}

function glassRow(figures) {
  if (figures.verdict === 'clock') {
    return 'The clock of this machine and the one of the stamp differ: set both by NTP.';
  }
  if (figures.verdict !== 'ok') return 'No stamp in the picture (latencystamp draws one)';
  return `${ms(figures.latency)}; median ${ms(figures.p50)}, 95 % within ${ms(figures.p95)}, ` +
    `jitter ${ms(figures.jitter)}`;
}

function catchUpRow(settings) {
  if (!settings) return 'Left to the browser';
  return `Up to ${settings.fastest}× from ${s(settings.start)} behind, until ` +
    `${s(settings.target)}; beyond ${s(settings.jump)} it jumps`;
}

/** [[what, text], …] */
export function delayRows(figures, player, rate) {
  const rows = [['Glass to glass', glassRow(figures)]];
  if (figures.read) {
    rows.push(['Frames with a stamp', `${figures.read} read, ${figures.unreadable} unreadable, ` +
      `${figures.lost} left out, ${figures.repeated} repeated`]);
  }
  rows.push(['Behind the newest data', player.latency === null ? 'Unknown' : s(player.latency)]);
  rows.push(['Playing at', `${rate.toFixed(2)}×`]);
  rows.push(['Catching up', catchUpRow(player.catchUpSettings)]);
  return rows;
}

/** Brings a <dl> up to date in place. */
export function showRows(list, rows) {
  while (list.children.length > 2 * rows.length) list.lastElementChild.remove();
  rows.forEach(([what, text], i) => {
    const row = [list.children[2 * i] ?? list.appendChild(document.createElement('dt')),
      list.children[2 * i + 1] ?? list.appendChild(document.createElement('dd'))];
    [what, text].forEach((value, k) => {
      if (row[k].textContent !== value) row[k].textContent = value;
    });
  });
}
