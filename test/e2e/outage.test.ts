import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { through, type Wire, wireTo } from '../support/net.js';
import { type OwnPostgres, startOwnPostgres } from '../support/own-postgres.js';
import { startOwnRedis } from '../support/redis.js';
import { endsAsUndisturbed, inTheMiddle, type Place, post, prepared, present, signal } from './support/disturbed.js';
import { treeOf } from './support/processes.js';

const OUTAGE_MS = 10_000;

/** All processes of a server stop where they are: connections stay open, and nothing answers. */
async function frozen(pid: number, meanwhile: () => Promise<void>): Promise<void> {
  const pids = treeOf(pid).map((one) => one.pid);
  signal(pids, 'SIGSTOP');
  try {
    await meanwhile();
  } finally {
    signal(pids, 'SIGCONT');
  }
}
async function readyz({ service }: Place): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${service.url}/readyz`);
  return { status: answer.status, text: await answer.text() };
}
async function isNotReady(place: Place, part: string): Promise<void> {
  const { status, text } = await readyz(place);
  expect([status, JSON.parse(text).code]).toEqual([503, 'unavailable']);
  expect(text).toContain(part);
}
/** The rest of ten seconds since `start`. */
const rest = (start: number) => sleep(OUTAGE_MS - (performance.now() - start));

describe.runIf(present)('the embedded default: in the middle of a job, ten seconds without', () => {
  let place: Place;
  beforeAll(async () => {
    place = await prepared();
  });
  afterAll(() => place?.service.stop());

  it('its Postgres change nothing', async () => {
    const id = await inTheMiddle(place);
    const start = performance.now();
    await frozen(place.service.pidOf('postgres'), async () => {
      await isNotReady(place, 'database');
      await rest(start);
    });
    await endsAsUndisturbed(place, id);
    await place.service.ready();
  });
});

const redis = present ? await startOwnRedis() : null;
describe.runIf(redis !== null)('Redis and Postgres: in the middle of a job, ten seconds without', () => {
  let place: Place;
  let postgres: OwnPostgres;
  let queueWire: Wire;
  let databaseWire: Wire;
  beforeAll(async () => {
    postgres = await startOwnPostgres();
    databaseWire = await wireTo('127.0.0.1', Number(new URL(postgres.url).port));
    queueWire = await wireTo('127.0.0.1', Number(new URL(redis!.url).port));
    place = await prepared({
      databaseUrl: through(postgres.url, databaseWire),
      queueUrl: through(redis!.url, queueWire),
    });
  });
  afterAll(async () => {
    await place?.service.stop();
    await queueWire?.close();
    await databaseWire?.close();
    await postgres?.stop();
    await redis?.stop();
  });

  /** Ten seconds in which a job is posted, that job, and the one that was running end as if nothing had been. */
  async function withoutQueue(away: (meanwhile: () => Promise<void>) => Promise<void>): Promise<void> {
    const id = await inTheMiddle(place);
    const start = performance.now();
    let posted = '';
    await away(async () => {
      posted = await post(place);
      expect(performance.now() - start).toBeLessThan(3000);
      await isNotReady(place, 'queue');
      await rest(start);
    });
    await endsAsUndisturbed(place, id);
    await endsAsUndisturbed(place, posted);
    await place.service.ready();
  }
  async function withoutDatabase(away: (meanwhile: () => Promise<void>) => Promise<void>): Promise<void> {
    const id = await inTheMiddle(place);
    const start = performance.now();
    await away(async () => {
      await isNotReady(place, 'database');
      await rest(start);
    });
    await endsAsUndisturbed(place, id);
    await place.service.ready();
  }

  it('the way to Redis', () =>
    withoutQueue(async (meanwhile) => {
      queueWire.cut();
      await meanwhile();
      queueWire.mend();
    }));
  it('an answer of Redis', () => withoutQueue((meanwhile) => frozen(redis!.pid(), meanwhile)));
  it('Redis, which then comes back empty', () =>
    withoutQueue(async (meanwhile) => {
      await redis!.kill();
      await meanwhile();
      await redis!.restart();
    }));

  it('the way to Postgres', () =>
    withoutDatabase(async (meanwhile) => {
      databaseWire.cut();
      await meanwhile();
      databaseWire.mend();
    }));
  it('an answer of Postgres', () => withoutDatabase((meanwhile) => frozen(postgres.pid(), meanwhile)));
  it('Postgres, which is shut down and started again', () =>
    withoutDatabase(async (meanwhile) => {
      await postgres.end();
      await meanwhile();
      await postgres.restart();
    }));
});
