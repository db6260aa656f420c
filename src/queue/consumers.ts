import type { Config } from '../config.js';
import type { Logger } from '../log.js';
import { type DeliveryWorker, openBackend, type QueueBackend } from './backend.js';
import {
  deliveryId,
  type Processors,
  QUEUE_NAMES,
  type QueueJobName,
  type QueueName,
  type QueuePayloads,
} from './names.js';
import { ENQUEUE_MS, throttled, within } from './producer.js';

export interface ConsumerOptions {
  readonly processors: Processors;
  readonly concurrency: Readonly<Record<QueueName, number>>;
  readonly log: Logger;
  readonly prefix?: string;
  /** A delivery whose holder is silent for this long is given to another; milliseconds, renewed at half. */
  readonly lockMs?: number;
}
export interface Consumers {
  /** How many deliveries are being worked on. */
  active(): number;
  /** Rejects within `ENQUEUE_MS` while the queue cannot be reached. */
  ping(): Promise<void>;
  /**
   * Takes no more deliveries, aborts the ones in work and waits for them at most `graceMs`. Deliveries that did not
   * end by then are delivered again, to someone else.
   */
  close(graceMs: number): Promise<void>;
}

/** How soon the work of a killed worker is taken up; a lock lost by a busy one costs nothing (see `deliver`). */
const LOCK_MS = 10_000;
const RETRY_MS = 1000;
/**
 * How often an idle worker looks without having been woken. Postgres notifies of every delivery, of a stalled one too, and a
 * connection that listens and is lost is told; on Redis nothing is asked meanwhile, a pop waits.
 */
const IDLE_SECONDS = { postgres: 30, redis: 5 } as const;

/**
 * Starts delivering. Opens the queue in the background for as long as it takes: a worker that starts before its queue
 * waits for it. A processor that throws is logged; the row still says what is to be done, and the reconciler
 * delivers it again.
 */
export function startConsumers(
  config: Pick<Config, 'queueUrl'>,
  databaseUrl: string,
  options: ConsumerOptions,
): Consumers {
  const { processors, log } = options;
  const lockMs = options.lockMs ?? LOCK_MS;
  const stop = new AbortController();
  const inWork = new Map<string, Promise<void>>();
  const onError = throttled((error) => log.warn({ err: error }, 'The queue cannot be reached'));
  let opened: { backend: QueueBackend; workers: readonly DeliveryWorker[] } | null = null;

  const deliver = async (name: string, payload: unknown) => {
    if (!Object.hasOwn(processors, name)) throw new Error(`No processor for a delivery called '${name}'`);
    if (stop.signal.aborted) throw new Error('This worker is ending; the row is delivered again.');
    const job = name as QueueJobName;
    const id = `${job} ${deliveryId(job, payload as QueuePayloads[typeof job])}`;
    // A lock lost while the queue was away brings the same work a second time while the first still runs here.
    const running = inWork.get(id);
    if (running !== undefined) return running;
    const work = run(processors, job, payload, stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) log.error({ err: error, delivery: id }, 'A delivery failed');
      throw error;
    });
    inWork.set(id, work);
    try {
      await work;
    } finally {
      inWork.delete(id);
    }
  };

  const opening = (async () => {
    while (!stop.signal.aborted) {
      try {
        const backend = await openBackend({
          ...(options.prefix === undefined ? {} : { prefix: options.prefix }),
          queueUrl: config.queueUrl,
          databaseUrl,
          role: 'consumer',
          onError,
        });
        if (stop.signal.aborted) return await backend.close();
        const workers = QUEUE_NAMES.map((name) => {
          const worker = backend.worker(name, deliver, {
            concurrency: options.concurrency[name],
            lockDuration: lockMs,
            // In whole milliseconds: Postgres takes no others.
            stalledInterval: Math.ceil(lockMs / 3),
            // The row counts attempts, not the queue: a delivery is given out as often as it takes.
            maxStalledCount: 1_000_000,
            runRetryDelay: RETRY_MS,
            drainDelay: IDLE_SECONDS[backend.kind],
            autorun: false,
          });
          worker.on('error', onError);
          return worker;
        });
        try {
          // BullMQ remembers a first connection that failed for ever: such a worker must not be kept.
          await Promise.all(workers.map((worker) => worker.waitUntilReady()));
        } catch (error) {
          await Promise.allSettled(workers.map((worker) => worker.close(true)));
          await backend.close();
          throw error;
        }
        if (stop.signal.aborted) {
          await Promise.allSettled(workers.map((worker) => worker.close(true)));
          return await backend.close();
        }
        opened = { backend, workers };
        for (const worker of workers) worker.run().catch(onError);
        log.info({ queue: backend.kind }, 'Taking deliveries');
        return;
      } catch (error) {
        onError(error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  })();

  return {
    active: () => inWork.size,
    ping: () =>
      within(ENQUEUE_MS, async () => {
        if (opened === null) throw new Error('The queue is not open yet.');
        await opened.backend.ping();
      }),
    close: async (graceMs) => {
      // First no more deliveries, then the signal; BullMQ's close waits for the processors that it tells to end.
      const closing = Promise.all(opened?.workers.map((worker) => worker.close()) ?? []);
      stop.abort();
      await within(graceMs, () => Promise.all([closing, opening])).catch((error: unknown) =>
        log.warn({ err: error }, 'Deliveries in work are left to others'),
      );
      await within(1000, async () => opened?.backend.close()).catch(onError);
    },
  };
}

function run<N extends QueueJobName>(processors: Processors, name: N, payload: unknown, signal: AbortSignal) {
  return processors[name](payload as QueuePayloads[N], signal);
}
