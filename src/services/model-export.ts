import { createHash } from 'node:crypto';
import type { Repositories } from '../domain/ports.js';
import type { Model } from '../domain/types.js';
import { GraftError } from '../errors.js';
import type { BlobStore } from '../storage/blob.js';
import { composeExport, exportOptions } from '../tasks/export.js';
import { readBase } from './base-file.js';
import { fillRecipe } from './export-recipe.js';
import { changedKey, limited, recipeKey } from './model-files.js';

/**
 * Puts `model.onnx` together from base, head and changed tensors, by the recipe that was stored when the model was
 * published. A model that was published before there were recipes is composed anew, for as long as `compose` writes the
 * bytes of its certificate; throws `state-conflict` where it does not. One file at a time: all of it is in memory.
 */
export function modelExporter(deps: {
  readonly repositories: Pick<Repositories, 'bases'>;
  readonly artifacts: BlobStore;
  /** How files without a recipe are composed. */
  readonly compose?: typeof composeExport;
}): (model: Model) => Promise<readonly Uint8Array[]> {
  const { artifacts, compose = composeExport } = deps;
  const turn = limited(1, 8);
  const read = (key: string | null) => (key === null ? null : artifacts.read(key));

  async function parts(model: Model) {
    const { blobKey } = (await deps.repositories.bases.byId(model.base.id)) ?? { blobKey: null };
    if (blobKey === null)
      throw new GraftError(
        'not-found',
        `The base '${model.base.id}' of this model is gone, so its file cannot be written.`,
      );
    const recipe = (await artifacts.stat(recipeKey(model.id))) === null ? null : recipeKey(model.id);
    return Promise.all([
      readBase(artifacts, model.base.digest),
      artifacts.read(model.headKey),
      read(changedKey(model)),
      read(recipe),
    ] as const);
  }

  return (model) =>
    turn(async () => {
      const [base, head, changed, recipe] = await parts(model);
      if (recipe === null) return composed(model, () => compose(base, head, exportOptions(model), changed));
      const chunks = fillRecipe(recipe, { base, head, changed });
      if (digestOf(chunks) === model.certificate.exportDigest) return chunks;
      throw new Error(
        `model.onnx of ${model.id} is not what its certificate says: its parts have changed in the store`,
      );
    });
}

function composed(model: Model, compose: () => readonly Uint8Array[]): readonly Uint8Array[] {
  let cause: unknown;
  try {
    const chunks = compose();
    if (digestOf(chunks) === model.certificate.exportDigest) return chunks;
  } catch (error) {
    cause = error;
  }
  throw new GraftError(
    'state-conflict',
    `model.onnx of ${model.id} was published by an earlier version of Graft, which kept no recipe of it, and this version would write another file than its certificate stands for. The model still predicts; train it again to get a file, or download it with the version that published it.`,
    { cause },
  );
}

function digestOf(chunks: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}
