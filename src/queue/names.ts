/** The queue only delivers: Postgres is the truth, payloads are ids, delivery is at least once. */
export interface QueuePayloads {
  'dataset.check': { readonly datasetId: string; readonly revision: number };
  'base.check': { readonly baseId: string };
  'base.download': { readonly baseId: string };
  'job.train': { readonly jobId: string };
}
export type QueueJobName = keyof QueuePayloads;

/** Checks must not wait behind an hour of training or a slow line, so each kind of load has a queue of its own. */
export const QUEUE_OF = {
  'dataset.check': 'check',
  'base.check': 'check',
  'base.download': 'download',
  'job.train': 'train',
} as const satisfies Record<QueueJobName, string>;
export type QueueName = (typeof QUEUE_OF)[QueueJobName];
export const QUEUE_NAMES = ['check', 'download', 'train'] as const satisfies readonly QueueName[];

/** The queue's own job id: enqueueing the same work twice is one delivery. Without ':' (BullMQ refuses it). */
export function deliveryId<N extends QueueJobName>(_name: N, payload: QueuePayloads[N]): string {
  const p = payload as Partial<
    QueuePayloads['dataset.check'] & QueuePayloads['base.check'] & QueuePayloads['job.train']
  >;
  return p.datasetId === undefined ? (p.baseId ?? p.jobId)! : `${p.datasetId}.${p.revision}`;
}

/** What the API and the reconciler need of the queue. */
export type Enqueue = <N extends QueueJobName>(name: N, payload: QueuePayloads[N]) => Promise<void>;
/** A processor is idempotent by its payload's id, succeeds or throws, and ends soon after `signal` aborts. */
export type Processors = {
  readonly [N in QueueJobName]: (payload: QueuePayloads[N], signal: AbortSignal) => Promise<void>;
};
