import { createReadStream } from 'node:fs';
import type { Fence, Repositories } from '../../src/domain/ports.js';
import type { Job, Json, ModelFile } from '../../src/domain/types.js';
import type { Logger } from '../../src/log.js';
import { changedKey } from '../../src/services/model-files.js';
import type { BlobStore } from '../../src/storage/blob.js';
import type { RunResult, RunSpec } from './messages.js';
import { patiently } from './writer.js';

/**
 * Stores the head and the small files, then makes job and model `succeeded` and visible in one transaction. What a lost
 * hold left in the store is taken away again. `model.onnx` is not stored: it is composed anew, byte for byte, when asked for.
 */
export async function publishModel(
  deps: { repositories: Pick<Repositories, 'jobs'>; artifacts: BlobStore; log: Logger; signal: AbortSignal },
  job: Job,
  fence: Fence,
  spec: RunSpec,
  result: RunResult,
): Promise<boolean> {
  const { artifacts, log, signal } = deps;
  const prefix = `models/${spec.model.id}`;
  const headKey = `${prefix}/head.onnx`;
  const changed = result.changed;
  const changedAt = changedKey({ id: spec.model.id, method: spec.method });
  const keys = [
    headKey,
    ...(changedAt === null ? [] : [changedAt]),
    ...result.files.map((f) => `${prefix}/files/${f.name}`),
  ];
  const put = (key: string, path: string) =>
    patiently(() => artifacts.put(key, createReadStream(path)), { signal, log });
  const stored = await Promise.all([
    put(headKey, result.head),
    ...result.files.map((f) => put(`${prefix}/files/${f.name}`, f.path)),
  ]);
  if (changed !== null && changedAt !== null) await put(changedAt, changed);
  const files: ModelFile[] = [
    { name: 'model.onnx', ...result.export, contentType: 'application/octet-stream' },
    ...result.files.map(({ name, contentType }, i) => {
      const { bytes, digest } = stored[i + 1]!;
      return { name, bytes, digest, contentType };
    }),
  ];
  const model = {
    id: spec.model.id,
    projectId: job.projectId,
    name: job.name,
    task: job.task,
    jobId: job.id,
    dataset: job.dataset,
    base: job.base,
    cut: spec.cut,
    labels: result.labels,
    preprocessing: spec.preprocessing,
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
  if (!published) await Promise.all(keys.map((key) => artifacts.delete(key).catch(() => {})));
  return published;
}
