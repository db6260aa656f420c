// Takes a delivery and never ends it: the worker that the queue's contract suite kills. Arguments: one JSON object.
import { pino } from 'pino';
import { startConsumers } from '../../dist/src/queue/consumers.js';

const { queueUrl, databaseUrl, prefix, lockMs } = JSON.parse(process.argv[2]);
const hold = async (payload) => {
  process.send?.(payload);
  await new Promise(() => undefined);
};
startConsumers({ queueUrl }, databaseUrl, {
  processors: { 'dataset.check': hold, 'base.check': hold, 'base.download': hold, 'job.train': hold },
  concurrency: { check: 1, download: 1, train: 1 },
  log: pino({ level: 'silent' }),
  prefix,
  lockMs,
});
