import type { Repositories } from '../domain/ports.js';
import type { Model } from '../domain/types.js';
import { GraftError } from '../errors.js';
import type { BlobStore } from '../storage/blob.js';
import { composeExport, type ExportOptions } from '../tasks/image-classification/compose.js';
import { limited } from './model-files.js';

export type ExportedModel = Pick<Model, 'id' | 'name' | 'cut' | 'labels' | 'preprocessing'>;

/** What the file says of itself follows from the model's row alone, so that every download has the published digest. */
export function exportOptions({ id, name, cut, labels, preprocessing }: ExportedModel): ExportOptions {
  return { cut, labels, preprocessing, metadata: { model: id, ...(name === null ? {} : { name }) } };
}

/** Composes one model at a time: base and file are both in memory while it does. */
export function modelExporter(deps: {
  readonly repositories: Pick<Repositories, 'bases'>;
  readonly artifacts: BlobStore;
}): (model: Model) => Promise<readonly Uint8Array[]> {
  const turn = limited(1, 8);
  return (model) =>
    turn(async () => {
      const base = await deps.repositories.bases.byId(model.base.id);
      if (base === null || base.blobKey === null) {
        throw new GraftError(
          'not-found',
          `The base '${model.base.id}' of this model is gone, so its file cannot be written.`,
        );
      }
      const [bytes, head] = await Promise.all([deps.artifacts.read(base.blobKey), deps.artifacts.read(model.headKey)]);
      return composeExport(bytes, head, exportOptions(model));
    });
}
