import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharedData } from '../support/data.js';
import { through, type Wire, wireTo } from '../support/net.js';
import { emptyDatabase } from '../support/postgres.js';
import { startRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { zipFolder } from '../support/zip.js';
import { type Answer, httpOf } from './support/http.js';
import { isAlive, treeOf } from './support/processes.js';
import { type Service, type ServiceOptions, startService } from './support/service.js';

const photos = sharedData('datasets', 'hymenoptera');
const model = sharedData('models', 'mobilenetv2-1.0-imagenet-backbone.onnx');
const present = photos !== null && model !== null;
/** Slow enough to be hit in the middle: one thread, and nothing kept from one job to the next. */
const SLOW = { GRAFT_THREADS: '1', GRAFT_FEATURE_CACHE_MB: '0', GRAFT_WORKER_SILENT_SECONDS: '4' };
const TERMINAL = ['succeeded', 'failed', 'cancelled'];

let zip: Buffer;
beforeAll(async () => {
  if (!present) return;
  const folder = await mkdtemp(join(tmpdir(), 'graft-kill-'));
  await zipFolder(photos, join(folder, 'photos.zip'));
  zip = await readFile(join(folder, 'photos.zip'));
  await rm(folder, { recursive: true, force: true });
});

/** A service with a base and a dataset, and the metrics of a job that nobody disturbed. */
async function prepared(options: ServiceOptions): Promise<Prepared> {
  const service = await startService({ ...options, env: { ...SLOW, ...options.env } });
  const http = httpOf(service);
  await http.base(await readFile(model!), 'mobilenetv2');
  const dataset = await http.dataset(zip, 'ants and bees');
  const request = { task: 'image-classification', dataset: dataset.id, base: 'mobilenetv2' };
  const undisturbed = await http.ended(await post({ service, request }));
  expect(undisturbed.state).toBe('succeeded');
  return { service, request, undisturbed };
}
interface Prepared {
  readonly service: Service;
  readonly request: Answer;
  readonly undisturbed: Answer;
}

async function post({ service, request }: Pick<Prepared, 'service' | 'request'>): Promise<string> {
  const created = await httpOf(service).post('/v1/jobs', request);
  expect(created.status, JSON.stringify(created.body)).toBe(202);
  return created.body.id;
}

/** A job that is being run: some of its pictures are done. */
async function inTheMiddle(place: Prepared): Promise<string> {
  const id = await post(place);
  await httpOf(place.service).until(`/v1/jobs/${id}`, (job) => {
    if (TERMINAL.includes(job.state)) throw new Error('The job ended before it could be disturbed.');
    return (job.progress?.fraction ?? 0) > 0.05;
  });
  return id;
}

/** It ended once, well, and as if nobody had disturbed it. */
async function endsAsUndisturbed({ service, undisturbed }: Prepared, id: string): Promise<void> {
  const http = httpOf(service);
  const job = await http.ended(id, 120_000);
  expect(job.error).toBeNull();
  expect(job.state).toBe('succeeded');
  expect(job.metrics).toEqual(undisturbed.metrics);
  const events = (await http.get(`/v1/jobs/${id}/events?limit=100`)).body.data as Answer[];
  const ends = events.filter((event) => event.type === 'state' && TERMINAL.includes(event.data.state));
  expect(ends).toHaveLength(1);
  const models = (await http.get('/v1/models?limit=100')).body.data as Answer[];
  expect(models.filter((one) => one.job === id || one.jobId === id)).toHaveLength(1);
}

/** Some end by themselves as soon as the first is gone. */
function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function trainingChild(service: Service): number {
  const child = treeOf(service.pidOf('worker')).find(({ command }) => command.includes('run-child'));
  if (child === undefined) throw new Error('There is no training process.');
  return child.pid;
}

describe.runIf(present)('in the middle of a job, kill -9 of', () => {
  let place: Prepared;
  beforeAll(async () => {
    place = await prepared({});
  });
  afterAll(() => place?.service.stop());

  it.each([
    ['the API', () => place.service.pidOf('api')],
    ['the worker', () => place.service.pidOf('worker')],
    ['the training process', () => trainingChild(place.service)],
    ['the prediction process', () => place.service.pidOf('predict')],
    ['Postgres', () => place.service.pidOf('postgres')],
  ])('%s changes nothing in what comes out', async (_, victim) => {
    const id = await inTheMiddle(place);
    process.kill(victim(), 'SIGKILL');
    await endsAsUndisturbed(place, id);
    await place.service.ready();
  });

  it('everything at once changes nothing after a restart', async () => {
    const id = await inTheMiddle(place);
    const { home } = place.service;
    const pids = place.service.pids();
    for (const pid of pids) killNow(pid);
    await until(() => expect(pids.filter(isAlive)).toEqual([]), 20_000);
    const again = await startService({ home, env: SLOW });
    place = { ...place, service: again };
    const waiting = await httpOf(again).get(`/v1/jobs/${id}`);
    expect(TERMINAL).not.toContain(waiting.body.state);
    await endsAsUndisturbed(place, id);
  });

  it('Ctrl-C and a restart in the middle of a job give it back and go on', async () => {
    const id = await inTheMiddle(place);
    const { home } = place.service;
    expect(await place.service.end('SIGINT')).toBe(0);
    expect(place.service.output()).not.toContain('is killed');
    const again = await startService({ home, env: SLOW });
    place = { ...place, service: again };
    await endsAsUndisturbed(place, id);
  });
});

const redis = present ? await startRedis() : null;
describe.runIf(redis !== null)('in the middle of a job, ten seconds without', () => {
  let place: Prepared;
  let queueWire: Wire;
  let databaseWire: Wire;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    const database = await emptyDatabase();
    drop = database.drop;
    databaseWire = await wireTo('127.0.0.1', Number(new URL(database.url).port));
    queueWire = await wireTo('127.0.0.1', Number(new URL(redis!.url).port));
    place = await prepared({
      databaseUrl: through(database.url, databaseWire),
      queueUrl: through(redis!.url, queueWire),
    });
  });
  afterAll(async () => {
    await place?.service.stop();
    await queueWire?.close();
    await databaseWire?.close();
    await drop?.();
    await redis?.stop();
  });

  it('the queue change nothing, and a job posted meanwhile is run too', async () => {
    const id = await inTheMiddle(place);
    queueWire.cut();
    const before = performance.now();
    const meanwhile = await post(place);
    expect(performance.now() - before).toBeLessThan(3000);
    await sleep(10_000 - (performance.now() - before));
    queueWire.mend();
    await endsAsUndisturbed(place, id);
    await endsAsUndisturbed(place, meanwhile);
  });

  it('Postgres change nothing', async () => {
    const id = await inTheMiddle(place);
    databaseWire.cut();
    const answer = await fetch(`${place.service.url}/readyz`);
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain('database');
    await sleep(10_000);
    databaseWire.mend();
    await endsAsUndisturbed(place, id);
    await place.service.ready();
  });
});
