import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Config } from '../../src/config.js';
import type { Repositories } from '../../src/domain/ports.js';
import type { BaseFacts } from '../../src/domain/types.js';
import { GraftError, storedProblem } from '../../src/errors.js';
import type { Logger } from '../../src/log.js';
import type { BaseDescription } from '../../src/onnx/index.js';
import type { QueuePayloads } from '../../src/queue/names.js';
import type { BlobStore } from '../../src/storage/blob.js';
import { digestOfFile } from '../../src/storage/filesystem.js';
import { readHubFolder } from '../data/hub-folder.js';
import { measureBase } from '../data/measure-base.js';
import { type Check, type MostTries, tried } from './tries.js';

export interface BaseCheckDeps {
  readonly repositories: Pick<Repositories, 'bases'>;
  readonly artifacts: BlobStore;
  readonly config: Pick<Config, 'home' | 'threads'>;
  readonly log: Logger;
}

/** Checks a base: finds the model, runs it once in a process of its own, describes it, keeps it by its digest. */
export function baseCheck(deps: BaseCheckDeps, mostTries?: MostTries) {
  return async ({ baseId }: QueuePayloads['base.check'], signal: AbortSignal): Promise<void> => {
    const { bases } = deps.repositories;
    const base = await bases.byId(baseId);
    if (base === null || base.state !== 'checking' || base.uploadKey === null) return;
    const { uploadKey } = base;
    const log = deps.log.child({ base: baseId });
    const attempt: Check = {
      what: 'base',
      verdicts: ['base-invalid', 'archive-invalid'],
      start: () => bases.startCheck(baseId),
      end: (how) => bases.endCheck(baseId, how),
      invalid: ({ code, detail, errors }) => {
        // A base is invalid whatever its archive is.
        const stored = code === 'archive-invalid' ? 'base-invalid' : code;
        return bases.checked(baseId, { state: 'invalid', error: storedProblem(stored, detail, errors) });
      },
      run: () =>
        inScratch(deps.config.home, async (folder) => {
          const { path, ...outcome } = await check(deps, uploadKey, folder, signal);
          await keep(deps.artifacts, outcome, path, signal);
          await bases.checked(baseId, outcome);
          // Swept, perhaps, as long as no base but deleted ones named it.
          await keep(deps.artifacts, outcome, path, signal);
          log.info({ digest: outcome.digest, cuts: outcome.facts.cuts.length }, 'The base is ready');
        }),
    };
    if (await tried(attempt, log, signal, mostTries)) await deps.artifacts.delete(uploadKey);
  };
}

/** Gives `work` a folder that is gone afterwards. */
async function inScratch<T>(home: string, work: (folder: string) => Promise<T>): Promise<T> {
  const scratch = join(home, 'tmp');
  await mkdir(scratch, { recursive: true });
  const folder = await mkdtemp(join(scratch, 'base-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function check(deps: BaseCheckDeps, uploadKey: string, folder: string, signal: AbortSignal) {
  const upload = join(folder, 'upload');
  await pipeline(await deps.artifacts.open(uploadKey), createWriteStream(upload), { signal });
  let path = upload;
  let settings: { preprocessorConfig?: unknown; config?: unknown } = {};
  if (await isZip(upload)) {
    const { model, modelPath: _, ...rest } = await readHubFolder(upload);
    path = join(folder, 'model.onnx');
    await writeFile(path, model);
    settings = rest;
  }
  const request = { path, answer: join(folder, 'answer.json'), threads: deps.config.threads, ...settings };
  const { problems, description } = await measureBase(request, signal);
  if (description === undefined) {
    const items = problems
      .slice(0, 50)
      .map((problem) => ({ path: problem.path, code: problem.code, detail: problem.detail }));
    const more = problems.length > 1 ? ` (${problems.length} reasons in all)` : '';
    throw new GraftError('base-invalid', `${problems[0]?.detail ?? 'The model cannot be used.'}${more}`, {
      errors: items,
    });
  }
  const digest = await digestOfFile(path);
  const { size } = await stat(path);
  return {
    state: 'ready',
    digest,
    bytes: size,
    blobKey: `bases/${digest}`,
    facts: factsOf(description),
    path,
  } as const;
}

/** Stores the file unless it lies there already: the same model may have been added before. */
async function keep(
  artifacts: BlobStore,
  { blobKey, digest }: { readonly blobKey: string; readonly digest: string },
  path: string,
  signal: AbortSignal,
): Promise<void> {
  if ((await artifacts.stat(blobKey)) !== null) return;
  const source = createReadStream(path, { highWaterMark: 1 << 20 });
  await artifacts.put(blobKey, source, { expectedDigest: digest, signal });
}

/** A zip begins with a local file header, or with the end record when it is empty. */
async function isZip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(4);
    await file.read(head, 0, 4, 0);
    return head[0] === 0x50 && head[1] === 0x4b && (head[2] === 3 || head[2] === 5);
  } finally {
    await file.close();
  }
}

/** The kept facts, as `GET /v1/bases/{id}` shows them. */
function factsOf(d: BaseDescription): BaseFacts {
  return {
    opset: d.opset,
    license: d.license,
    inputs: d.inputs,
    outputs: d.outputs,
    preprocessing: d.preprocessing,
    preprocessingSource: d.preprocessingSource,
    cuts: d.cuts.map(({ tensor, kind, features, default: best }) => ({ tensor, kind, features, default: best })),
    parameters: d.parameters,
    training: d.training,
    tasks: d.tasks,
    notes: d.notes,
  };
}
