import { mkdir, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../src/config.js';
import type { BaseFacts } from '../../src/domain/types.js';
import { type ErrorCode, GraftError, storedProblem } from '../../src/errors.js';
import type { Logger } from '../../src/log.js';
import { type BaseDescription, MAX_MODEL_BYTES } from '../../src/onnx/index.js';
import type { QueuePayloads } from '../../src/queue/names.js';
import { modelExporter } from '../../src/services/model-export.js';
import { digestOfFile } from '../../src/storage/filesystem.js';
import { type HubFolder, readHubFolder } from '../data/hub-folder.js';
import { measureBase } from '../data/measure-base.js';
import type { TokenizerFiles } from '../data/text/tokenizer-files.js';
import { type BaseSourceDeps, baseSource, type FoundBase, keepTokenizer } from './base-source.js';
import { type Check, type MostTries, tried } from './tries.js';

export interface BaseCheckDeps extends BaseSourceDeps {
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
    const source = await baseSource(deps, exportModel, base);
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
          const found = await check(deps, path, { folder, tokenizer: await source.tokenizer() }, signal);
          const { digest, bytes } = found;
          const facts = { ...found.facts, ...source.facts(found.facts) };
          const keep = async () => {
            if (found.tokenizer !== null) await keepTokenizer(deps.artifacts, digest, found.tokenizer, signal);
            return source.keep(found, signal);
          };
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
async function check(
  { config }: BaseCheckDeps,
  upload: string,
  { folder, tokenizer }: { readonly folder: string; readonly tokenizer: TokenizerFiles },
  signal: AbortSignal,
): Promise<FoundBase> {
  let path = upload;
  let settings: Omit<HubFolder, 'model'> = { tokenizer, ...configIn(tokenizer) };
  if (await isZip(upload)) {
    ({ model: path, ...settings } = await readHubFolder(upload, folder));
  }
  const { size } = await stat(path);
  if (size > MAX_MODEL_BYTES)
    throw new GraftError(
      'base-invalid',
      `The model has ${size} bytes; an ONNX file, which is protobuf, has at most ${MAX_MODEL_BYTES} (2 GiB).`,
    );
  const request = { path, answer: join(folder, 'answer.json'), threads: config.threads, ...settings };
  const { problems, description, text, poolingSource } = await measureBase(request, signal);
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
  const facts = { ...factsOf(description), ...(text && { text }), ...(poolingSource && { poolingSource }) };
  return { digest, bytes: size, facts, path, tokenizer: text === undefined ? null : settings.tokenizer };
}

/** The settings of the base, where they are kept with its tokenizer. */
const configIn = ({ 'config.json': config }: TokenizerFiles): { readonly config?: unknown } =>
  config === undefined ? {} : { config: JSON.parse(config) as unknown };

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
