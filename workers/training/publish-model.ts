import { createReadStream } from 'node:fs';
import type { Fence, Repositories } from '../../src/domain/ports.js';
import type { Job, Json, ModelFile } from '../../src/domain/types.js';
import type { Logger } from '../../src/log.js';
import { changedKey, modelFileKey, recipeKey } from '../../src/services/model-files.js';
import type { BlobStore } from '../../src/storage/blob.js';
import { inputFields } from './input.js';
import type { RunResult, RunSpec } from './messages.js';
import { patiently } from './writer.js';

/**
 * Stores head, recipe and small files, then makes job and model `succeeded` and visible in one transaction. What a lost
 * hold left in the store is taken away again. `model.onnx` is not stored: it is put together by
 * its recipe, byte for byte, when asked for.
 */
export async function publishModel(
  deps: { repositories: Pick<Repositories, 'jobs'>; artifacts: BlobStore; log: Logger; signal: AbortSignal },
  job: Job,
  fence: Fence,
  spec: RunSpec,
  result: RunResult,
): Promise<boolean> {
  const { artifacts, log, signal } = deps;
  const { id } = spec.model;
  const headKey = `models/${id}/head.onnx`;
  const changedAt = changedKey({ id, method: spec.method });
  const parts = [
    [headKey, result.head],
    [recipeKey(id), result.recipe],
    ...(changedAt === null || result.changed === null ? [] : [[changedAt, result.changed] as const]),
  ] as const;
  const put = (key: string, path: string) =>
    patiently(() => artifacts.put(key, createReadStream(path)), { signal, log });
  const stored = await Promise.all(result.files.map((f) => put(modelFileKey(id, f.name), f.path)));
  await Promise.all(parts.map(([key, path]) => put(key, path)));
  const files: ModelFile[] = [
    { name: 'model.onnx', ...result.export, contentType: 'application/octet-stream' },
    ...result.files.map(({ name, contentType }, i) => {
      const { bytes, digest } = stored[i]!;
      return { name, bytes, digest, contentType };
    }),
  ];
  const model = {
    id,
    projectId: job.projectId,
    name: job.name,
    task: job.task,
    jobId: job.id,
    dataset: job.dataset,
    base: job.base,
    cut: spec.cut,
    labels: result.labels,
    ...inputFields(result.input),
    method: { ...spec.method, cut: spec.cut },
    metrics: result.metrics,
    certificate: result.certificate,
    headKey,
    files,
    evaluation: result.evaluation as unknown as Json,
    examples: result.examples,
  };
  const published = await patiently(
    async () => {
      if (await deps.repositories.jobs.publish(fence, model, result.metrics)) return true;
      // An answer that was lost with the connection: the job may be published all the same.
      return (await deps.repositories.jobs.byId(job.id))?.modelId === model.id;
    },
    { signal, log },
  );
  const keys = [...parts.map(([key]) => key), ...result.files.map((f) => modelFileKey(id, f.name))];
  if (!published) await Promise.all(keys.map((key) => artifacts.delete(key).catch(() => {})));
  return published;
}
