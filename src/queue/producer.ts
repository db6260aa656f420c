import type { Config } from '../config.js';
import { createLogger, type Logger } from '../log.js';
import { type DeliveryQueue, openBackend, type QueueBackend } from './backend.js';
import { deliveryId, type Enqueue, QUEUE_NAMES, QUEUE_OF, type QueueName } from './names.js';

export interface ProducerQueue {
  /**
   * Hands the work to the queue, once per delivery id. Never throws and takes at most `ENQUEUE_MS`: the row is the
   * truth, so what the queue did not take is logged and left to the reconciler.
   */
  readonly enqueue: Enqueue;
  /** Rejects within `ENQUEUE_MS` while the queue is down. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** How long a request may wait for the queue, in milliseconds. */
export const ENQUEUE_MS = 1000;
/** A queue that could not be opened is tried again after this many milliseconds, not on every request. */
const REOPEN_MS = 500;

interface Opened {
  readonly backend: QueueBackend;
  readonly queues: Readonly<Record<QueueName, DeliveryQueue>>;
}

/** Opens in the background and reopens as needed: a queue that is down at start does not keep the API from starting. */
export function connectQueue(
  config: Pick<Config, 'queueUrl' | 'logLevel'>,
  databaseUrl: string,
  log: Logger = createLogger(config, 'queue'),
  options: { prefix?: string } = {},
): ProducerQueue {
  const onError = throttled((error) => log.warn({ err: error }, 'The queue cannot be reached'));
  let opening: Promise<Opened> | null = null;
  let failedAt = 0;
  let failure: unknown;
  let closed = false;

  const open = (): Promise<Opened> => {
    if (closed) return Promise.reject(new Error('The queue is closed.'));
    if (opening !== null) return opening;
    if (Date.now() - failedAt < REOPEN_MS) return Promise.reject(failure);
    const attempt = openBackend({ ...options, queueUrl: config.queueUrl, databaseUrl, role: 'producer', onError })
      .then(async (backend) => {
        const queues = Object.fromEntries(QUEUE_NAMES.map((name) => [name, backend.queue(name)])) as Opened['queues'];
        for (const queue of Object.values(queues)) queue.on('error', onError);
        try {
          // BullMQ remembers a first connection that failed for ever: such a queue must not be kept.
          await Promise.all(Object.values(queues).map((queue) => queue.waitUntilReady()));
        } catch (error) {
          await backend.close().catch(onError);
          throw error;
        }
        return { backend, queues };
      })
      .catch((error: unknown) => {
        opening = null;
        failedAt = Date.now();
        failure = error;
        throw error;
      });
    opening = attempt;
    return attempt;
  };
  open().catch(onError);

  return {
    enqueue: async (name, payload) => {
      const jobId = deliveryId(name, payload);
      try {
        await within(ENQUEUE_MS, async () => {
          const { queues } = await open();
          // Nothing is kept of a delivery that has ended, so that the same id can be delivered again.
          await queues[QUEUE_OF[name]].add(name, payload, {
            jobId,
            attempts: 1,
            removeOnComplete: true,
            removeOnFail: true,
          });
        });
      } catch (error) {
        log.warn({ err: error, delivery: jobId, job: name }, 'Not enqueued; the reconciler will do it');
      }
    },
    ping: () =>
      within(ENQUEUE_MS, async () => {
        await (await open()).backend.ping();
      }),
    close: async () => {
      closed = true;
      const opened = await opening?.catch(() => null);
      if (!opened) return;
      await within(2000, async () => {
        await Promise.all(Object.values(opened.queues).map((queue) => queue.close()));
        await opened.backend.close();
      }).catch(onError);
    },
  };
}

/** Rejects when `work` takes longer; the work itself goes on, which is harmless as enqueueing is idempotent. */
export async function within<T>(ms: number, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A broken connection reports itself many times a second; once in five seconds is enough to know. */
export function throttled(report: (error: unknown) => void, everyMs = 5000): (error: unknown) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (error) => {
    const now = performance.now();
    if (now - last < everyMs) return;
    last = now;
    report(error);
  };
}
