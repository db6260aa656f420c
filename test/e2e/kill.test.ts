import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emptyDatabase } from '../support/postgres.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import {
  again,
  endsAsUndisturbed,
  inTheMiddle,
  isUnderWay,
  type Place,
  post,
  prepared,
  present,
  signal,
  trainingChild,
} from './support/disturbed.js';
import { isAlive } from './support/processes.js';
import type { ServiceOptions } from './support/service.js';

const redis = present ? await startRedis() : null;
afterAll(() => redis?.stop());

/** Where the service runs: what it is started with, and what must go with it afterwards. */
const VARIANTS: Readonly<Record<string, () => Promise<{ options: ServiceOptions; drop(): Promise<void> }>>> = {
  'the embedded default': async () => ({ options: {}, drop: async () => undefined }),
  ...(redis === null ? {} : { 'Redis and Postgres': () => external(redis) }),
};
async function external({ url: queueUrl }: TestRedis) {
  const { url: databaseUrl, drop } = await emptyDatabase();
  return { options: { databaseUrl, queueUrl }, drop };
}

describe.runIf(present).each(Object.keys(VARIANTS))('%s: in the middle of a job, kill -9 of', (variant) => {
  const embedded = variant === 'the embedded default';
  let place: Place;
  let options: ServiceOptions;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    ({ options, drop } = await VARIANTS[variant]!());
    place = await prepared(options);
  });
  afterAll(async () => {
    await place?.service.stop();
    await drop?.();
  });

  it.each([
    ['the API', () => place.service.pidOf('api'), 1],
    ['the worker', () => place.service.pidOf('worker'), 2],
    ['the training process', () => trainingChild(place.service), 2],
    ['the prediction process', () => place.service.pidOf('predict'), 1],
    ...(embedded ? ([['Postgres', () => place.service.pidOf('postgres'), null]] as const) : []),
  ] as const)('%s changes nothing in what comes out', async (_, victim, attempts) => {
    const id = await inTheMiddle(place);
    process.kill(victim(), 'SIGKILL');
    const job = await endsAsUndisturbed(place, id);
    // What only watches or serves must not cost the job its work.
    if (attempts !== null) expect(job.attempt).toBe(attempts);
    await place.service.ready();
  });

  it('everything at once changes nothing after a restart, for any job that was accepted', async () => {
    const running = await inTheMiddle(place);
    const waiting = [await post(place), await post(place)];
    for (const id of [running, ...waiting]) expect(await isUnderWay(place, id)).toBe(true);
    const pids = place.service.pids();
    signal(pids, 'SIGKILL');
    await until(() => expect(pids.filter(isAlive)).toEqual([]), 20_000);
    place = await again(place, options);
    for (const id of [running, ...waiting]) await endsAsUndisturbed(place, id);
  });
});

describe.runIf(present)('in the middle of a job, Ctrl-C', () => {
  it('gives it back, and a restart goes on with it', async () => {
    let place = await prepared();
    const id = await inTheMiddle(place);
    expect(await place.service.end('SIGINT')).toBe(0);
    expect(place.service.output()).not.toContain('is killed');
    place = await again(place);
    await endsAsUndisturbed(place, id);
    await place.service.stop();
  });
});
