import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Config } from '../../src/config.js';
import type { Repositories } from '../../src/domain/ports.js';
import type { Base, BaseFacts, Model } from '../../src/domain/types.js';
import { type ErrorCode, GraftError, storedProblem } from '../../src/errors.js';
import type { Logger } from '../../src/log.js';
import type { BaseDescription } from '../../src/onnx/index.js';
import type { QueuePayloads } from '../../src/queue/names.js';
import { derivedKey, putDerived, tokenizerKey, wholeKey } from '../../src/services/base-file.js';
import { modelExporter } from '../../src/services/model-export.js';
import { recipeKey } from '../../src/services/model-files.js';
import type { BlobStore } from '../../src/storage/blob.js';
import { digestOfFile } from '../../src/storage/filesystem.js';
import { type HubFolder, readHubFolder } from '../data/hub-folder.js';
import { measureBase } from '../data/measure-base.js';
import type { TokenizerFiles } from '../data/text/tokenizer-files.js';
import { type Check, type MostTries, tried } from './tries.js';

export interface BaseCheckDeps {
  readonly repositories: Pick<Repositories, 'bases' | 'models'>;
  readonly artifacts: BlobStore;
  readonly config: Pick<Config, 'home' | 'threads'>;
  readonly log: Logger;
}

/** A base is invalid, be it for its archive, or for a model whose file cannot be had any more. */
const VERDICTS: readonly ErrorCode[] = ['base-invalid', 'archive-invalid', 'state-conflict'];

/** Checks a base: finds the model, runs it once in a process of its own, describes it, keeps it by its digest. */
export function baseCheck(deps: BaseCheckDeps, mostTries?: MostTries) {
  const exportModel = modelExporter(deps);
  return async ({ baseId }: QueuePayloads['base.check'], signal: AbortSignal): Promise<void> => {
    const { bases } = deps.repositories;
    const base = await bases.byId(baseId);
    if (base === null || base.state !== 'checking') return;
    const source = await sourceOf(deps, exportModel, base);
    if (source === null) return;
    const log = deps.log.child({ base: baseId });
    const attempt: Check = {
      what: 'base',
      verdicts: () => VERDICTS,
      start: () => bases.startCheck(baseId),
      end: (how) => bases.endCheck(baseId, how),
      invalid: ({ code, detail, errors }) => {
        const stored = VERDICTS.includes(code) ? 'base-invalid' : code;
        return bases.checked(baseId, { state: 'invalid', error: storedProblem(stored, detail, errors) });
      },
      run: () =>
        inScratch(deps.config.home, async (folder) => {
          const path = join(folder, 'upload');
          await source.fetch(path, signal);
          const found = await check(deps, path, folder, signal);
          const { digest, bytes } = found;
          const facts = { ...found.facts, ...source.facts(found.facts) };
          const keep = () => source.keep(found, signal);
          const blobKey = await keep();
          await bases.checked(baseId, { state: 'ready', digest, bytes, blobKey, facts });
          // Swept, perhaps, as long as no base but deleted ones named it.
          await keep();
          log.info({ digest, cuts: facts.cuts.length }, 'The base is ready');
        }),
    };
    if ((await tried(attempt, log, signal, mostTries)) && base.uploadKey !== null)
      await deps.artifacts.delete(base.uploadKey);
  };
}

type Found = Awaited<ReturnType<typeof check>>;
/** Where the file of a base comes from, and how it is kept. */
interface Source {
  fetch(to: string, signal: AbortSignal): Promise<void>;
  /** What is known of it besides what its file says. */
  facts(found: BaseFacts): Partial<BaseFacts>;
  /** Keeps the file unless it is there already: the same model may have been added before. Returns the blob's key. */
  keep(found: Found, signal: AbortSignal): Promise<string>;
}

async function sourceOf(
  { repositories, artifacts }: BaseCheckDeps,
  exportModel: ReturnType<typeof modelExporter>,
  { uploadKey, modelId, source }: Base,
): Promise<Source | null> {
  if (uploadKey !== null)
    return {
      fetch: async (to, signal) => pipeline(await artifacts.open(uploadKey), createWriteStream(to), { signal }),
      facts: ({ license }) => ({ license: license ?? source?.license ?? null }),
      keep: async ({ digest, path, tokenizer }, signal) => {
        if (tokenizer !== null) await keepTokenizer(artifacts, digest, tokenizer, signal);
        return keepWhole(artifacts, digest, path, signal);
      },
    };
  const model = modelId === null ? null : await repositories.models.byId(modelId);
  if (model === null) return null;
  const below = await repositories.bases.byId(model.base.id);
  return {
    fetch: async (to, signal) => pipeline(await exportModel(model), createWriteStream(to), { signal }),
    // The base below may have come with its licence beside the file.
    facts: ({ license }) => ({ license: license ?? below?.facts?.license ?? null }),
    keep: ({ digest, path }, signal) => keepDerived(artifacts, model, digest, path, signal),
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

/** What the file at `upload` is: the model in it, measured and described. Throws `base-invalid` saying why it is none. */
async function check({ config }: BaseCheckDeps, upload: string, folder: string, signal: AbortSignal) {
  let path = upload;
  let settings: Omit<HubFolder, 'model' | 'modelPath'> = { tokenizer: {} };
  if (await isZip(upload)) {
    const { model, modelPath: _, ...rest } = await readHubFolder(upload);
    path = join(folder, 'model.onnx');
    await writeFile(path, model);
    settings = rest;
  }
  const request = { path, answer: join(folder, 'answer.json'), threads: config.threads, ...settings };
  const { problems, description, text } = await measureBase(request, signal);
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
  const facts = { ...factsOf(description), ...(text === undefined ? {} : { text }) };
  return { digest, bytes: size, facts, path, tokenizer: text === undefined ? null : settings.tokenizer };
}

async function keepWhole(artifacts: BlobStore, digest: string, path: string, signal: AbortSignal): Promise<string> {
  const key = wholeKey(digest);
  if ((await artifacts.stat(key)) !== null) return key;
  const source = createReadStream(path, { highWaterMark: 1 << 20 });
  await artifacts.put(key, source, { expectedDigest: digest, signal });
  return key;
}

/** Beside the model, by its digest. Throws `base-invalid` where the same model is there with another tokenizer. */
async function keepTokenizer(
  artifacts: BlobStore,
  digest: string,
  files: TokenizerFiles,
  signal: AbortSignal,
): Promise<void> {
  const content = Buffer.from(JSON.stringify(Object.fromEntries(Object.entries(files).sort())));
  const key = tokenizerKey(digest);
  if ((await artifacts.stat(key)) !== null) {
    if (content.equals(await artifacts.read(key))) return;
    throw new GraftError(
      'base-invalid',
      'This very model is here already, with another tokenizer. Use that base, or delete it first if its tokenizer is the wrong one.',
    );
  }
  async function* chunks() {
    yield content;
  }
  await artifacts.put(key, chunks(), { signal });
}

/** Nothing but what its file is put together from; the whole file of a model that was published without a recipe. */
async function keepDerived(
  artifacts: BlobStore,
  model: Model,
  digest: string,
  path: string,
  signal: AbortSignal,
): Promise<string> {
  if ((await artifacts.stat(recipeKey(model.id))) === null) return keepWhole(artifacts, digest, path, signal);
  if ((await artifacts.stat(derivedKey(digest))) === null) await putDerived(artifacts, digest, model);
  return derivedKey(digest);
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
