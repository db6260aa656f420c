import type { Model, ModelFile } from '../domain/types.js';
import { GraftError } from '../errors.js';
import type { BlobStore } from '../storage/blob.js';

export const EXPORT_NAME = 'model.onnx';

/** Blob key of a published file, but for `model.onnx`, which is put together when asked for. */
export function modelFileKey(modelId: string, name: string): string {
  return `models/${modelId}/files/${name}`;
}

/** Blob key of the base's tensors that training changed; null where the method leaves the base as it is. */
export function changedKey({ id, method }: Pick<Model, 'id' | 'method'>): string | null {
  return method.type === 'featureExtraction' ? null : `models/${id}/changed.onnx`;
}

/** Blob key of the recipe of `model.onnx`. */
export const recipeKey = (modelId: string): string => `models/${modelId}/model.recipe`;

export function findFile(model: Model, name: string): ModelFile {
  const file = model.files.find((one) => one.name === name);
  if (file !== undefined) return file;
  const names = model.files.map((one) => one.name).join(', ');
  throw new GraftError('not-found', `The model has no file '${name.slice(0, 100)}'; it has ${names}.`);
}

/** Lets `limit` calls run at once and `waiting` wait; more are refused with `overloaded`. */
export function limited(limit: number, waiting: number) {
  let running = 0;
  const line: (() => void)[] = [];
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= limit) {
      if (line.length >= waiting) {
        throw new GraftError(
          'overloaded',
          'Too many model files are being written at once. Try again in a few seconds.',
          { retryAfter: 5 },
        );
      }
      await new Promise<void>((resolve) => line.push(resolve));
    }
    running++;
    try {
      return await work();
    } finally {
      running--;
      line.shift()?.();
    }
  };
}

export interface FileServices {
  readonly stores: { readonly artifacts: BlobStore };
  readonly exportModel: (model: Model) => Promise<readonly Uint8Array[]>;
}

/** The bytes of a file, as chunks. */
export async function openFile(deps: FileServices, model: Model, file: ModelFile): Promise<AsyncIterable<Uint8Array>> {
  if (file.name !== EXPORT_NAME) return deps.stores.artifacts.open(modelFileKey(model.id, file.name));
  const chunks = await deps.exportModel(model);
  async function* all() {
    yield* chunks;
  }
  return all();
}
