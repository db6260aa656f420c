import type { BackendFactory, IQueueBackend, Queue, Worker, WorkerOptions } from 'bullmq';
import { QUEUE_NAMES, type QueueName } from './names.js';

type AnyBackend = BackendFactory<IQueueBackend, unknown>;
export type DeliveryQueue = Queue<unknown, void, string, unknown, void, string, IQueueBackend, unknown>;
export type DeliveryWorker = Worker<unknown, void, string, IQueueBackend>;
/** What a consumer is given: the delivery's name and payload. */
export type Deliver = (name: string, payload: unknown) => Promise<void>;

/** One way to reach the queue: BullMQ over Redis or over Postgres. Classes of BullMQ stay behind it. */
export interface QueueBackend {
  readonly kind: 'redis' | 'postgres';
  queue(name: QueueName): DeliveryQueue;
  worker(name: QueueName, deliver: Deliver, options: Omit<WorkerOptions, 'connection' | 'prefix'>): DeliveryWorker;
  /** Answers when the queue's server does. */
  ping(): Promise<void>;
  /** After the queues and workers that came from it are closed. */
  close(): Promise<void>;
}

export interface BackendOptions {
  /** null: the Postgres backend on `databaseUrl`. */
  readonly queueUrl: string | null;
  readonly databaseUrl: string;
  readonly role: 'producer' | 'consumer';
  /** Keeps installations on one Redis apart; Postgres has a database for that. */
  readonly prefix?: string;
  readonly onError: (error: Error) => void;
}

/**
 * Rejects while the queue cannot be reached; call again later. BullMQ is loaded here and not before: the API answers
 * its first requests without it.
 */
export async function openBackend(options: BackendOptions): Promise<QueueBackend> {
  return options.queueUrl === null ? openPostgres(options) : openRedis(options, options.queueUrl);
}

async function openRedis(options: BackendOptions, url: string): Promise<QueueBackend> {
  const [bullmq, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')]);
  const prefix = options.prefix ?? 'graft';
  const retryStrategy = (times: number) => Math.min(100 * 2 ** times, 2000);
  // A producer must fail at once while Redis is away; a consumer must wait for it, however long.
  const connection =
    options.role === 'producer'
      ? { url, retryStrategy, maxRetriesPerRequest: 1, enableOfflineQueue: false, connectTimeout: 1000 }
      : { url, retryStrategy, maxRetriesPerRequest: null };
  const pinger = new Redis(url, { retryStrategy, maxRetriesPerRequest: 0, lazyConnect: true, connectTimeout: 1000 });
  pinger.on('error', options.onError);
  try {
    await pinger.connect();
  } catch (error) {
    pinger.disconnect();
    throw error;
  }
  return {
    kind: 'redis',
    queue: (name) => new bullmq.Queue(name, { connection, prefix }) as unknown as DeliveryQueue,
    worker: (name, deliver, rest) =>
      new bullmq.Worker(name, (job) => deliver(job.name, job.data), {
        ...rest,
        connection,
        prefix,
      }) as unknown as DeliveryWorker,
    ping: async () => {
      await pinger.ping();
    },
    close: async () => pinger.disconnect(),
  };
}

/** BullMQ's own tables live apart from ours; a pool given to it must be pinned to them (its `DEFAULT_SCHEMA`). */
const POSTGRES_SCHEMA = 'bullmq';

async function openPostgres(options: BackendOptions): Promise<QueueBackend> {
  const [bullmq, { default: pg }] = await Promise.all([import('bullmq'), import('pg')]);
  // One pool for all queues of a process; each consuming queue keeps one connection of it for LISTEN.
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    // A consumer: one that listens for each queue, and one on which their short statements take turns.
    max: options.role === 'producer' ? 1 : QUEUE_NAMES.length + 1,
    options: `-c search_path=${POSTGRES_SCHEMA}`,
    application_name: `graft-queue-${options.role}`,
    keepAlive: true,
    connectionTimeoutMillis: options.role === 'producer' ? 1000 : 5000,
    idleTimeoutMillis: 5000,
  });
  pool.on('error', options.onError);
  try {
    const client = await pool.connect();
    try {
      await bullmq.runMigrations(client, POSTGRES_SCHEMA);
    } finally {
      client.release();
    }
  } catch (error) {
    await pool.end().catch(options.onError);
    throw error;
  }
  const factory = bullmq.createPostgresBackend as unknown as AnyBackend;
  return {
    kind: 'postgres',
    queue: (name) => new bullmq.Queue(name, { connection: pool }, factory) as unknown as DeliveryQueue,
    worker: (name, deliver, rest) =>
      new bullmq.Worker(
        name,
        (job) => deliver(job.name, job.data),
        { ...rest, connection: pool },
        factory,
      ) as unknown as DeliveryWorker,
    ping: async () => {
      await pool.query('select 1');
    },
    close: async () => pool.end(),
  };
}
