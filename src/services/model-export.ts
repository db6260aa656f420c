import { createHash } from 'node:crypto';
import type { Repositories } from '../domain/ports.js';
import type { Model } from '../domain/types.js';
import { GraftError } from '../errors.js';
import type { BlobStore } from '../storage/blob.js';
import { composeExport, exportOptions } from '../tasks/image-classification/compose.js';
import { changedKey, limited } from './model-files.js';

/**
 * Composes `model.onnx` from base and head. One at a time: base and file are both in memory while it does. Throws when
 * the bytes are not those of the certificate.
 */
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
      const changedAt = changedKey(model);
      const [bytes, head, changed] = await Promise.all([
        deps.artifacts.read(base.blobKey),
        deps.artifacts.read(model.headKey),
        changedAt === null ? null : deps.artifacts.read(changedAt),
      ]);
      const chunks = composeExport(bytes, head, exportOptions(model), changed);
      const hash = createHash('sha256');
      for (const chunk of chunks) hash.update(chunk);
      const digest = `sha256:${hash.digest('hex')}`;
      const { exportDigest } = model.certificate;
      if (digest !== exportDigest) {
        throw new Error(`model.onnx of ${model.id} has digest ${digest}, its certificate says ${exportDigest}`);
      }
      return chunks;
    });
}
