import { GraftError } from '../../src/errors.js';
import { firstToGo } from '../first-to-go.js';
import type { Examined } from './examine-image.js';
import type { FromExaminer, Seen, ToExaminer } from './examine-messages.js';

/**
 * The child's side of `startExaminer`: answers each picture that comes over the channel, several at once, and ends with its
 * parent. What `examine` throws besides problems of the picture ends the process, as a crash does.
 */
export function serveExaminations(examine: (bytes: Uint8Array) => Promise<Examined>): void {
  firstToGo();
  const send = (message: FromExaminer): void => {
    process.send?.(message);
  };
  const see = async (bytes: Uint8Array): Promise<Seen> => {
    try {
      return { image: await examine(bytes) };
    } catch (error) {
      if (!(error instanceof GraftError)) throw error;
      const item = error.options.errors?.[0];
      return { problem: { code: item?.code ?? 'image-corrupt', detail: item?.detail ?? error.detail } };
    }
  };
  process.on('message', ({ id, bytes }: ToExaminer) => {
    void see(bytes).then((seen) => send({ type: 'seen', id, seen }));
  });
  process.on('disconnect', () => process.exit(0));
  send({ type: 'ready' });
}
