import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { sharedData } from '../../support/data.js';
import { zipFolder } from '../../support/zip.js';
import { type Answer, httpOf } from './http.js';
import { treeOf } from './processes.js';
import { type Service, type ServiceOptions, startService } from './service.js';

/** Jobs that are disturbed in the middle, and what one that nobody disturbed came to. */
const photos = sharedData('datasets', 'hymenoptera');
const model = sharedData('models', 'mobilenetv2-1.0-imagenet-backbone.onnx');
export const present = photos !== null && model !== null;
/** Of the photos, one in so many: what is disturbed takes a few seconds. */
const EVERY = 3;
/** Slow enough to be hit in the middle: one thread, and nothing kept from one job to the next. */
export const SLOW = { GRAFT_THREADS: '1', GRAFT_FEATURE_CACHE_MB: '0', GRAFT_WORKER_SILENT_SECONDS: '4' };
const TERMINAL = ['succeeded', 'failed', 'cancelled'];

export interface Place {
  readonly service: Service;
  /** The body of `POST /v1/jobs`. */
  readonly request: Answer;
  readonly undisturbed: Answer;
}

/** A service with a base and a dataset, and a job that nobody disturbed. */
export async function prepared(options: ServiceOptions = {}): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'graft-photos-'));
  await zipFolder(photos!, join(folder, 'photos.zip'), EVERY);
  const zip = await readFile(join(folder, 'photos.zip'));
  await rm(folder, { recursive: true, force: true });
  const service = await startService({ ...options, env: { ...SLOW, ...options.env } });
  const http = httpOf(service);
  await http.base(await readFile(model!), 'mobilenetv2');
  const dataset = await http.dataset(zip, 'ants and bees');
  const request = { task: 'image-classification', dataset: dataset.id, base: 'mobilenetv2' };
  const undisturbed = await http.ended(await post({ service, request }));
  expect(undisturbed.state).toBe('succeeded');
  return { service, request, undisturbed };
}

/** The same place with its service, which is gone, started again on what that left. */
export async function again(place: Place, options: ServiceOptions = {}): Promise<Place> {
  const service = await startService({ home: place.service.home, ...options, env: { ...SLOW, ...options.env } });
  return { ...place, service };
}

export async function post({ service, request }: Pick<Place, 'service' | 'request'>): Promise<string> {
  const created = await httpOf(service).post('/v1/jobs', request);
  expect(created.status, JSON.stringify(created.body)).toBe(202);
  return created.body.id;
}

/** A job that is being run: some of its pictures are done. */
export async function inTheMiddle(place: Place): Promise<string> {
  const id = await post(place);
  await httpOf(place.service).until(`/v1/jobs/${id}`, (job) => {
    if (TERMINAL.includes(job.state)) throw new Error('The job ended before it could be disturbed.');
    return (job.progress?.fraction ?? 0) > 0.05;
  });
  return id;
}

export async function isUnderWay({ service }: Place, id: string): Promise<boolean> {
  const { status, body } = await httpOf(service).get(`/v1/jobs/${id}`);
  expect(status).toBe(200);
  return !TERMINAL.includes(body.state);
}

/** It ended once, well, and as if nobody had disturbed it. Returns the job. */
export async function endsAsUndisturbed({ service, undisturbed }: Place, id: string): Promise<Answer> {
  const http = httpOf(service);
  const job = await http.ended(id);
  expect(job.error).toBeNull();
  expect(job.state).toBe('succeeded');
  expect(job.metrics).toEqual(undisturbed.metrics);
  const events = (await http.get(`/v1/jobs/${id}/events?limit=100`)).body.data as Answer[];
  const ends = events.filter((event) => event.type === 'state' && TERMINAL.includes(event.data.state));
  expect(ends).toHaveLength(1);
  const models = (await http.get('/v1/models?limit=100')).body.data as Answer[];
  expect(models.filter((one) => one.job === id)).toHaveLength(1);
  return job;
}

/** Some end by themselves as soon as the first is gone. */
export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

export function trainingChild(service: Service): number {
  const child = treeOf(service.pidOf('worker')).find(({ command }) => command.includes('run-child'));
  if (child === undefined) throw new Error('There is no training process.');
  return child.pid;
}
