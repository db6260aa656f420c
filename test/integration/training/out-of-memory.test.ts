import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import { type MemoryGroup, memoryGroup, whyNoMemoryGroup } from '../../support/memory-group.js';
import { picture } from '../../support/pictures.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { FEATURES, fileOf, PREPROCESSING, smallBase } from '../../support/predict.js';
import { type TrainingGround, trainingGround } from '../../support/training.js';
import { until } from '../../support/until.js';

const why = whyNoMemoryGroup();
if (why !== null)
  console.warn(`The kernel's out-of-memory killer cannot be met: no control group can be made here (${why}).`);

let db: TestDatabase;
let group: MemoryGroup | null = null;
let ground: TrainingGround | null = null;
beforeAll(async () => {
  await build();
  db = await testDatabase();
});
afterAll(async () => {
  delete process.env.TEST_MEMORY_GROUP;
  await ground?.close();
  await db.close();
  await until(() => group?.remove());
});

test.runIf(why === null)(
  "a run that the kernel's out-of-memory killer ends fails with a reason and what to do",
  async () => {
    group = memoryGroup(256);
    process.env.TEST_MEMORY_GROUP = group.procs;
    const pictures = Array.from({ length: 8 }, async (_, i) => {
      const label = i % 2 === 0 ? 'a' : 'b';
      return { path: `${label}/${i}.png`, label, split: null, bytes: await picture(i, { format: 'png' }) };
    });
    ground = await trainingGround(db, {
      pictures: await Promise.all(pictures),
      base: fileOf(smallBase(1)),
      cut: { tensor: 'features', features: FEATURES },
      preprocessing: PREPROCESSING,
      config: { jobMaxAttempts: 2 },
      childEntry: pathToFileURL(join(import.meta.dirname, '../../support/hungry-child.mjs')),
    });
    const { id } = await ground.job();
    await ground.train(id);
    const job = await ground.repos.jobs.byId(id);
    expect(job).toMatchObject({ state: 'failed', attempt: 2, error: { code: 'out-of-memory' } });
    expect(job!.error!.detail).toMatch(
      /^In 2 attempts the training process ran out of memory \(signal SIGKILL\)\. To mend it, give the worker more memory/,
    );
    const events = await ground.repos.jobs.events(id, 0n, 100);
    const first = events.find((event) => event.level === 'warning');
    expect(first).toMatchObject({ message: 'the training process ran out of memory (signal SIGKILL)' });
  },
);
