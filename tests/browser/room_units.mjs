// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of a room's page without a browser: messages, state, arrangement, encryption.
// room_units.mjs DIRECTORY-OF-THE-COMPILED-PAGE
import assert from 'node:assert/strict';

const [page] = process.argv.slice(2);
const load = (name) => import(`file://${page}/${name}.js`);
const { readMessage } = await load('roomprotocol');
const { RoomState } = await load('roomstate');
const { fit, initialsOf, keyOf, order, place } = await load('roomlayout');
const { sizesOf } = await load('roomslots');
const { figureRows, readTraffic } = await load('roomfigures');

const read = (message) => readMessage(JSON.stringify(message));
const who = (id, more = {}) =>
  ({ id, name: id.toUpperCase(), role: 'speaker', audio: true, video: true, screen: false, ...more });

// Messages: those of the protocol, and what is wrong with others.
const welcome = { type: 'welcome', you: 'a', role: 'host', room: 'team', tapped: false,
  roster: [who('a'), who('b')],
  chat: [{ from: 'b', name: 'B', text: '<b>hi</b>', at: 5 }] };
assert.deepEqual(read({ ...welcome, more: 1 }), welcome);
assert.deepEqual(read({ type: 'joined', who: who('c') }), { type: 'joined', who: who('c') });
assert.deepEqual(read({ type: 'changed', who: { ...who('c'), audio: 1, video: 'x' } }).who,
  who('c', { audio: false, video: false }));
assert.deepEqual([...read({ type: 'slots', slots: { 3: { id: 'b', source: 'camera' },
  4: { id: 'b', source: 'window' }, 5: null, 6: { id: 7, source: 'screen' } } }).slots],
[['3', { id: 'b', source: 'camera' }]]);
assert.deepEqual(read({ type: 'speakers', ids: ['b', 4, '', null, 'a'] }).ids, ['b', 'a']);
assert.deepEqual(read({ type: 'chat', from: 'b', name: 'B', text: 'x', at: 9 }),
  { type: 'chat', from: 'b', name: 'B', text: 'x', at: 9 });
assert.deepEqual(read({ type: 'mute', by: 'a', kind: 'audio' }),
  { type: 'mute', by: 'a', kind: 'audio' });
assert.deepEqual(read({ type: 'tapped', on: 1 }), { type: 'tapped', on: false });
assert.deepEqual(read({ type: 'removed', by: 'a' }), { type: 'removed', by: 'a' });
assert.deepEqual(read({ ...welcome, roster: 5, chat: [null, { text: 5 }], role: 'king' }),
  { ...welcome, roster: [], chat: [], role: 'listener' });
for (const wrong of [null, 5, [], 'x', {}, { type: 'news' }, { type: 'joined' },
  { type: 'joined', who: { ...who('c'), role: 'king' } }, { type: 'joined', who: { ...who(''), } },
  { type: 'mute', by: 'a', kind: 'smell' }, { type: 'welcome' }, { type: 'chat', text: [] }]) {
  assert.equal(read(wrong), null, JSON.stringify(wrong));
}
assert.equal(readMessage('{'), null);
assert.equal(readMessage(new ArrayBuffer(4)), null);

// The state of a room.
const room = new RoomState();
const apply = (...messages) => messages.forEach((message) => room.apply(read(message)));
apply(welcome);
assert.equal(room.you, 'a');
assert.equal(room.role, 'speaker', 'what the roster says, which changes');
apply({ type: 'changed', who: who('a', { role: 'host' }) }, { type: 'joined', who: who('c') },
  { type: 'speakers', ids: ['a', 'c', 'b'] },
  { type: 'slots', slots: { 3: { id: 'b', source: 'camera' }, 5: { id: 'b', source: 'microphone' } } });
assert.equal(room.role, 'host');
assert.equal(room.lastSpeaker, 'c', 'of the others');
assert.equal(room.slotOf('b', 'camera'), '3');
assert.equal(room.slotOf('b', 'screen'), null);
apply({ type: 'speakers', ids: [] });
assert.equal(room.lastSpeaker, 'c', 'until another speaks');
for (let i = 0; i < 600; i++) apply({ type: 'chat', from: 'c', name: 'C', text: String(i), at: i });
assert.equal(room.chat.length, 500);
assert.equal(room.chat.at(-1).text, '599');
apply({ type: 'left', id: 'c' });
assert.deepEqual([...room.roster.keys()], ['a', 'b']);
assert.equal(room.lastSpeaker, '');
assert.equal(room.nameOf('c'), 'Somebody');

// The order of the tiles.
const keys = (list) => list.map(keyOf);
const orderIn = (roster, { slots = {}, mode = 'grid', pinned = null, spoke = '' } = {}) => {
  const one = new RoomState();
  one.apply(read({ ...welcome, roster }));
  one.apply(read({ type: 'slots', slots }));
  if (spoke) one.apply(read({ type: 'speakers', ids: [spoke] }));
  const { stage, tiles } = order(one, mode, pinned);
  return [stage && keyOf(stage), keys(tiles)];
};
const quiet = { audio: false, video: false };
assert.deepEqual(orderIn([who('c', quiet), who('d'), who('b'), who('a'),
  who('e', { role: 'listener' })], { slots: { 3: { id: 'b', source: 'camera' } } }),
[null, ['camera a', 'camera b', 'camera d', 'camera c']]);
assert.deepEqual(orderIn([who('a', { role: 'listener' })]), [null, ['camera a']], 'alone');
assert.deepEqual(orderIn([who('a'), who('b'), who('c')], { mode: 'speaker', spoke: 'c' }),
  ['camera c', ['camera a', 'camera b']]);
const sharing = [who('a', { screen: true }), who('b', { screen: true })];
assert.deepEqual(orderIn(sharing), ['screen b', ['screen a', 'camera a', 'camera b']],
  'another\'s screen is large, not mine');
assert.deepEqual(orderIn(sharing, { pinned: { id: 'a', source: 'camera' } }),
  ['camera a', ['screen a', 'screen b', 'camera b']]);
assert.deepEqual(orderIn([who('a'), who('b')], { pinned: { id: 'x', source: 'camera' } }),
  [null, ['camera a', 'camera b']], 'who is pinned has gone');

// The places of the tiles: nothing overlaps or sticks out, and who speaks is among them.
const overlap = (a, b) => a.left < b.left + b.width && b.left < a.left + a.width &&
  a.top < b.top + b.height && b.top < a.top + a.height;
for (const [width, height] of [[1248, 670], [374, 660], [640, 300], [200, 90]]) {
  for (const count of [1, 2, 3, 4, 5, 9, 16, 17, 40, 100]) {
    for (const stage of [null, { id: 's', source: 'screen' }]) {
      const tiles = Array.from({ length: count }, (_, i) => ({ id: `t${i}`, source: 'camera' }));
      const speaker = `t${count - 1}`;
      const plan = place({ stage, tiles }, speaker, width, height);
      const what = `${count} tiles${stage ? ' beside a stage' : ''} in ${width} × ${height}`;
      const rects = [...plan.placed, ...(plan.more ? [plan.more] : [])].map(({ rect }) => rect);
      rects.forEach((rect, i) => {
        assert.ok(rect.left >= 0 && rect.top >= 0 && rect.left + rect.width <= width + 1 &&
          rect.top + rect.height <= height + 1, `${what}: ${JSON.stringify(rect)}`);
        for (const other of rects.slice(i + 1)) assert.ok(!overlap(rect, other), what);
      });
      const shown = plan.placed.filter(({ isStage }) => !isStage);
      assert.equal(shown.length + (plan.more?.count ?? 0), count, what);
      assert.ok(shown.some(({ shown: { id } }) => id === speaker), `${what}: who speaks is seen`);
      assert.equal(plan.placed.some(({ isStage }) => isStage), stage !== null);
    }
  }
}
// Cameras of 16:9 are seen whole, whatever the space is like.
for (const [count, width, height] of [[1, 900, 700], [2, 620, 700], [5, 1000, 300], [3, 374, 660]]) {
  const size = fit(count, width, height);
  assert.ok(Math.abs(size.width / size.height - 16 / 9) < 0.03, JSON.stringify(size));
}
assert.deepEqual(fit(1, 160, 90), { columns: 1, width: 160, height: 90 });
assert.equal(fit(4, 1600, 900).columns, 2);
assert.equal(fit(3, 374, 660).columns, 1);

for (const [name, initials] of [['Ann', 'A'], ['ann b. archer', 'AA'], ['Чарли <b>', 'ЧB'], ['', '?'],
  ['🦊 !', '?'], ['王小明', '王'], ['  Zoë  Ñu ', 'ZÑ']]) {
  assert.equal(initialsOf(name), initials, name);
}

// The sizes that are asked for: in pixels of the device, nothing of what is not seen.
const slots = new Map(['3', '4', '5', '6'].map((mid) =>
  [mid, { kind: mid === '6' ? 'audio' : 'video', stream: null }]));
const seen = new RoomState();
seen.apply(read({ ...welcome, roster: [who('a'), who('b'), who('c')] }));
seen.apply(read({ type: 'slots', slots: { 3: { id: 'b', source: 'camera' },
  4: { id: 'c', source: 'camera' } } }));
const tile = (id, width) =>
  ({ shown: { id, source: 'camera' }, rect: { left: 0, top: 0, width, height: 100 } });
assert.deepEqual(sizesOf(slots, seen, [tile('b', 300), tile('a', 200)], 1.5, false), {
  3: { width: 450, height: 150 }, 4: { width: 0, height: 0 }, 5: { width: 300, height: 150 } });
assert.deepEqual(Object.values(sizesOf(slots, seen, [tile('b', 300)], 1, true)),
  Array(3).fill({ width: 0, height: 0 }), 'nobody sees the page');

// The figures.
const report = (...entries) => new Map(entries.map((entry, i) => [i, entry]));
const at = (timestamp, bytes, packets, lost) => report(
  { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.025 },
  { type: 'outbound-rtp', timestamp, bytesSent: bytes, frameWidth: 320, frameHeight: 180,
    framesPerSecond: 30 },
  { type: 'outbound-rtp', timestamp, bytesSent: 0, frameWidth: 1280, frameHeight: 720,
    framesPerSecond: 29 },
  { type: 'outbound-rtp', timestamp, bytesSent: 0 },
  { type: 'inbound-rtp', timestamp, bytesReceived: 2 * bytes, packetsReceived: packets,
    packetsLost: lost, framesPerSecond: 25 },
  { type: 'inbound-rtp', timestamp, packetsLost: -1 });
const [first, second] = [readTraffic(at(1000, 1000, 10, 1)), readTraffic(at(3000, 251000, 100, 11))];
assert.deepEqual(figureRows(second, first), [['Round trip', '25 ms'], ['Sent', '1.0 Mbit/s'],
  ['Sizes sent', '1280 × 720, 320 × 180'], ['Received', '2.0 Mbit/s, 1 picture'],
  ['Lost', '10.0 %']]);
assert.deepEqual(figureRows(readTraffic(report()), null), [['Round trip', '–'], ['Sent', '–'],
  ['Sizes sent', 'none'], ['Received', '–, 0 pictures'], ['Lost', '0.0 %']]);
// Encryption: frames come back as they were; what the server looks at stays as it was.
const { clearBytes, keyOf: roomKey, open, openText, Sealer, sealText } = await load('roomframe');
const derived = await Promise.all([roomKey('pass', 'team'), roomKey('pass', 'team'),
  roomKey('pass', 'other')]);
const [key, sameKey, otherKey] = derived.map((one) => one.key);
assert.match(derived[0].mark, /^[0-9a-f]{8}$/);
assert.equal(derived[1].mark, derived[0].mark);
assert.notEqual(derived[2].mark, derived[0].mark);
const sealer = new Sealer(key);
for (const [kind, first, clear] of [['video', 0x10, 10], ['video', 0x11, 3], ['audio', 0x78, 1]]) {
  for (const length of [0, 1, 2, 9, 10, 11, 1200]) {
    const frame = Uint8Array.from({ length }, (_, i) => (i ? i & 255 : first));
    const sealed = await sealer.seal(kind, frame);
    const what = `${kind} of ${length} bytes`;
    if (length < clear) {
      assert.equal(sealed, null, what);
      continue;
    }
    assert.equal(clearBytes(kind, frame), clear, what);
    assert.equal(sealed.length, length + 16 + 12, what);
    assert.deepEqual(sealed.subarray(0, clear), frame.subarray(0, clear), what);
    if (length > clear + 20) {
      assert.notDeepEqual(sealed.subarray(clear, length), frame.subarray(clear), what);
    }
    assert.deepEqual(await open(sameKey, kind, sealed), frame, what);
    assert.equal(await open(otherKey, kind, sealed), null, 'of another room');
    assert.equal(await open(key, kind, frame), null, 'not encrypted');
    assert.notDeepEqual(await sealer.seal(kind, frame), sealed, 'no vector comes twice');
    for (const at of [0, sealed.length >> 1, sealed.length - 1]) {
      const broken = sealed.slice();
      broken[at] ^= 2; // not the bit that tells how much is clear
      assert.equal(await open(key, kind, broken), null, `${what}, changed at ${at}`);
    }
  }
}
const sealedText = await sealText(key, 'Grüße 🦊');
assert.match(sealedText, /^e2e:[A-Za-z0-9+/=]+$/);
assert.equal(await openText(sameKey, sealedText), 'Grüße 🦊');
for (const text of [sealedText.slice(0, -8), 'e2e:', 'e2e:%', await sealText(otherKey, 'x')]) {
  assert.equal(await openText(key, text), '(written with another key)', text);
}
assert.equal(await openText(key, 'hello'), '(not encrypted) hello');
console.log('ok');
