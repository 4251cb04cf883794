// SPDX-License-Identifier: LGPL-2.1-or-later
// The worker through which a room's frames go when they are encrypted end to end (W3C
// webrtc-encoded-transform).
import { open, Sealer, type FrameKind } from './roomframe.js';

interface Frame {
  data: ArrayBuffer;
}

/** The job of one sender's or receiver's transform, as roomcipher.ts gives it. */
export interface Work {
  readonly side: 'send' | 'receive';
  readonly kind: FrameKind;
  readonly key: CryptoKey;
}

/** The event of a new transform. TypeScript's library for pages does not declare it. */
interface TransformEvent extends Event {
  readonly transformer: {
    readonly readable: ReadableStream<Frame>;
    readonly writable: WritableStream<Frame>;
    readonly options: Work;
  };
}

function transformOf({ side, kind, key }: Work): TransformStream<Frame, Frame> {
  const sealer = new Sealer(key);
  return new TransformStream<Frame, Frame>({
    async transform(frame, controller) {
      const data = new Uint8Array(frame.data);
      const done = side === 'send' ? await sealer.seal(kind, data) : await open(key, kind, data);
      if (done) {
        frame.data = done.buffer;
        controller.enqueue(frame);
      } else if (side === 'receive') self.postMessage('unreadable');
    },
  });
}

addEventListener('rtctransform', (event) => {
  const { readable, writable, options } = (event as TransformEvent).transformer;
  readable.pipeThrough(transformOf(options)).pipeTo(writable).catch(() => {
    // The connection has ended.
  });
});
