import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Repositories } from '../../src/domain/ports.js';
import type { Base, BaseFacts, Model } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import { derivedKey, putDerived, tokenizerKey, wholeKey } from '../../src/services/base-file.js';
import type { modelExporter } from '../../src/services/model-export.js';
import { recipeKey } from '../../src/services/model-files.js';
import type { BlobStore } from '../../src/storage/blob.js';
import { withoutWindows } from '../../src/tasks/text-classification/compose.js';
import type { TokenizerFiles } from '../data/text/tokenizer-files.js';

/** What a check found: the model file in the scratch folder, and what is to be kept of it. */
export interface FoundBase {
  readonly digest: string;
  readonly bytes: number;
  readonly path: string;
  readonly facts: BaseFacts;
  /** Of a base that takes texts. */
  readonly tokenizer: TokenizerFiles | null;
}
/** Where the file of a base comes from, and how it is kept. */
export interface BaseSource {
  fetch(to: string, signal: AbortSignal): Promise<void>;
  /** Files of a tokenizer that is not in what is fetched. */
  tokenizer(): Promise<TokenizerFiles>;
  /** What is known of it besides what its file says. */
  facts(found: BaseFacts): Partial<BaseFacts>;
  /** Keeps the model's file unless it is there already: the same may have been added before. Returns the blob's key. */
  keep(found: FoundBase, signal: AbortSignal): Promise<string>;
}

export interface BaseSourceDeps {
  readonly repositories: Pick<Repositories, 'bases' | 'models'>;
  readonly artifacts: BlobStore;
}

/** An upload, or a model's exported file; null where that model is gone. */
export async function baseSource(
  { repositories, artifacts }: BaseSourceDeps,
  exportModel: ReturnType<typeof modelExporter>,
  { uploadKey, modelId, source }: Base,
): Promise<BaseSource | null> {
  if (uploadKey !== null)
    return {
      fetch: async (to, signal) => pipeline(await artifacts.open(uploadKey), createWriteStream(to), { signal }),
      tokenizer: async () => ({}),
      facts: ({ license }) => ({ license: license ?? source?.license ?? null }),
      keep: ({ digest, path }, signal) => keepWhole(artifacts, digest, path, signal),
    };
  const model = modelId === null ? null : await repositories.models.byId(modelId);
  if (model === null) return null;
  const below = await repositories.bases.byId(model.base.id);
  return {
    fetch: async (to, signal) => pipeline(await exportModel(model), createWriteStream(to), { signal }),
    tokenizer: async () => (model.text === null ? {} : readTokenizer(artifacts, model.base.digest)),
    // The base below may have come with its licence beside the file. Texts are read as the model reads them, pooling included.
    facts: ({ license, text }) => ({
      license: license ?? below?.facts?.license ?? null,
      ...(text && model.text ? { text: withoutWindows(model.text), poolingSource: 'model' as const } : {}),
    }),
    keep: ({ digest, path }, signal) => keepDerived(artifacts, model, digest, path, signal),
  };
}

/** The tokenizer that is kept beside a base of this digest. */
async function readTokenizer(artifacts: BlobStore, digest: string): Promise<TokenizerFiles> {
  return JSON.parse(Buffer.from(await artifacts.read(tokenizerKey(digest))).toString()) as TokenizerFiles;
}

async function keepWhole(artifacts: BlobStore, digest: string, path: string, signal: AbortSignal): Promise<string> {
  const key = wholeKey(digest);
  if ((await artifacts.stat(key)) !== null) return key;
  const source = createReadStream(path, { highWaterMark: 1 << 20 });
  await artifacts.put(key, source, { expectedDigest: digest, signal });
  return key;
}

/** Beside the model, by its digest. Throws `base-invalid` where the same model is there with another tokenizer. */
export async function keepTokenizer(
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
