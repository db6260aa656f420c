import { GraftError } from '../../../src/errors.js';
import { askedThread } from '../../asked-thread.js';
import { entryOf } from '../../entry.js';
import type { FromTokens, SpecialTokens, TokenData, TokenRequest, TokenRows } from './token-messages.js';

/** A thread with a tokenizer in it. */
export interface TokenThread {
  readonly specials: SpecialTokens;
  /** Memory that its tables take. */
  readonly bytes: number;
  /**
   * Ids of the texts; one request at a time. `hung` is the place in the request of a text on which the tokenizer did not come
   * to an end in time: the thread is gone then, and so is what it made of the others.
   */
  ask(request: TokenRequest): Promise<TokenRows | { readonly hung: number }>;
  close(): Promise<void>;
}

/** A megabyte of text takes a second or two; an expression that backtracks without end takes for ever. */
export const TEXT_LIMIT_MS = 5_000;
/** Of how many looks at the thread the limit is made up: a machine that stood still meanwhile has not been looking. */
const LOOKS = 20;
/** A tokenizer that needs more would take the whole process with it. */
const LIMITS = { maxOldGenerationSizeMb: 1024, maxYoungGenerationSizeMb: 16 };

/**
 * Opens a tokenizer in a thread of its own, which the expressions in its files may block for as long as they like: a text that
 * takes longer than `limitMs` is given up, and the thread with it. Throws `base-invalid` where the tokenizer cannot be opened.
 */
export async function openTokenThread(
  data: Omit<TokenData, 'reading'>,
  limitMs: number = TEXT_LIMIT_MS,
): Promise<TokenThread> {
  const reading = new SharedArrayBuffer(4);
  const workerData: TokenData = { ...data, reading };
  const thread = askedThread<TokenRequest, FromTokens>(entryOf('data/text/token-thread'), {
    workerData,
    resourceLimits: LIMITS,
  });
  const at = new Int32Array(reading);
  const ready = await thread.said();
  if (ready.type !== 'ready') {
    await thread.terminate();
    throw failure(ready);
  }
  const { specials, bytes } = ready;

  /** Resolves with the place of a text that is read for too long. */
  function hanging(): { readonly late: Promise<{ readonly hung: number }>; stop(): void } {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<{ hung: number }>((resolve) => {
      let [last, looks] = [-1, 0];
      timer = setInterval(() => {
        const now = Atomics.load(at, 0);
        looks = now === last && now >= 0 ? looks + 1 : 0;
        last = now;
        if (looks >= LOOKS) resolve({ hung: now });
      }, limitMs / LOOKS);
    });
    return { late, stop: () => clearInterval(timer) };
  }

  return {
    specials,
    bytes,
    async ask(request) {
      const answer = thread.ask(request);
      const watch = hanging();
      try {
        const found = await Promise.race([answer, watch.late]);
        if (!('hung' in found)) {
          if (found.type === 'rows') return found.rows;
          throw failure(found);
        }
        // Its end is no news to `answer` any more.
        answer.catch(() => {});
        await thread.terminate();
        return found;
      } finally {
        watch.stop();
      }
    },
    close: thread.terminate,
  };
}

function failure(message: FromTokens): Error {
  if (message.type !== 'failed') return new Error(`the tokenizer's thread said '${message.type}'`);
  return message.known === null ? new Error(message.words) : new GraftError(message.known.code, message.known.detail);
}
