import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repositories } from '../../../src/db/index.js';
import type { Repositories } from '../../../src/domain/ports.js';
import { newId } from '../../../src/ids.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { bringTo, ground, newJob } from '../../support/records.js';
import { until } from '../../support/until.js';

let db: TestDatabase;
let repos: Repositories;
beforeAll(async () => {
  db = await testDatabase({ max: 20 });
  repos = repositories(db);
});
afterAll(() => db.close());

const ROUNDS = 40;
type Ground = Awaited<ReturnType<typeof ground>>;

/** How many statements wait for a lock at this moment. */
async function waiting(): Promise<number> {
  const { rows } = await db.pool.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows[0].n;
}

describe.each(['dataset', 'base'] as const)('a %s deleted while a job on it is created', (thing) => {
  const remove = (on: Ground) => repos[`${thing}s`].delete(on.projectId, on[thing]);
  const alive = async (on: Ground) => {
    const { rows } = await db.pool.query(`SELECT deleted_at FROM ${thing} WHERE id = $1`, [on[thing]]);
    return rows[0].deleted_at === null;
  };
  const jobs = async (on: Ground) => {
    const { rows } = await db.pool.query(`SELECT count(*)::int AS n FROM job WHERE ${thing}_id = $1`, [on[thing]]);
    return rows[0].n as number;
  };
  /** Either the job is there and stands on something, or there is none. Returns whether it is there. */
  async function consistent(on: Ground, made: PromiseSettledResult<unknown>, gone: PromiseSettledResult<boolean>) {
    const there = made.status === 'fulfilled';
    expect([there, gone.status, await alive(on), await jobs(on)]).toEqual(
      there ? [true, 'rejected', true, 1] : [false, 'fulfilled', false, 0],
    );
    if (made.status === 'rejected')
      expect(made.reason).toMatchObject({
        code: 'job-impossible',
        options: { errors: [{ path: `/${thing}`, detail: expect.stringContaining(on[thing]) }] },
      });
    if (gone.status === 'rejected') expect(gone.reason).toMatchObject({ code: 'in-use' });
    return there;
  }

  test('one of the two is refused, whichever comes first', async () => {
    for (const first of ['job', 'deletion'] as const) {
      const on = await ground(repos);
      const holder = await db.pool.connect();
      await holder.query('BEGIN');
      await holder.query(`SELECT 1 FROM ${thing} WHERE id = $1 FOR UPDATE`, [on[thing]]);
      const start = { job: () => repos.jobs.create(newJob(on)), deletion: () => remove(on) };
      const begun: Partial<Record<'job' | 'deletion', Promise<unknown>>> = {};
      for (const [n, one] of (first === 'job' ? ['job', 'deletion'] : ['deletion', 'job']).entries()) {
        const name = one as 'job' | 'deletion';
        begun[name] = start[name]();
        begun[name].catch(() => {});
        await until(async () => expect(await waiting()).toBe(n + 1));
      }
      await holder.query('ROLLBACK');
      holder.release();
      const [made, gone] = await Promise.allSettled([begun.job, begun.deletion as Promise<boolean>]);
      expect(await consistent(on, made, gone)).toBe(first === 'job');
    }
  });

  test(`at the same moment, ${ROUNDS} times`, async () => {
    await Promise.all(
      Array.from({ length: ROUNDS }, async (_, round) => {
        const on = await ground(repos);
        const two = [() => repos.jobs.create(newJob(on)), () => remove(on)] as const;
        const [made, gone] =
          round % 2 === 0
            ? await Promise.allSettled([two[0](), two[1]()])
            : (await Promise.allSettled([two[1](), two[0]()])).toReversed();
        await consistent(on, made!, gone as PromiseSettledResult<boolean>);
      }),
    );
  });
});

test(`a model deleted while a base is made from it: one of the two is refused, ${ROUNDS} times at the same moment`, async () => {
  const on = await ground(repos);
  await Promise.all(
    Array.from({ length: ROUNDS }, async (_, round) => {
      const job = newJob(on);
      await bringTo(repos, job, 'succeeded');
      const model = (await repos.models.find(on.projectId, (await repos.jobs.byId(job.id))!.modelId!))!;
      const id = newId('base');
      const two = [
        () => repos.bases.createFrom(model, { id, name: id }),
        () => repos.models.delete(on.projectId, model.id),
      ] as const;
      const order = round % 2 === 0 ? [0, 1] : [1, 0];
      const results = await Promise.allSettled(order.map((n) => two[n as 0 | 1]()));
      const [made, gone] = round % 2 === 0 ? results : results.toReversed();
      const there = (await repos.bases.byId(id)) !== null;
      const alive = (await repos.models.find(on.projectId, model.id)) !== null;
      expect([there, alive]).toEqual(made!.status === 'fulfilled' ? [true, true] : [false, false]);
      if (made!.status === 'rejected') expect(made!.reason).toMatchObject({ code: 'not-found' });
      if (gone!.status === 'rejected') expect(gone!.reason).toMatchObject({ code: 'in-use' });
      expect([made!.status, gone!.status].sort()).toEqual(['fulfilled', 'rejected']);
    }),
  );
});
