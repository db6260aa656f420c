import { createHash } from 'node:crypto';
import type { Config } from '../../src/config.js';
import type { Repositories } from '../../src/domain/ports.js';
import type { DatasetRevision, Example } from '../../src/domain/types.js';
import { GraftError, storedProblem } from '../../src/errors.js';
import type { Logger } from '../../src/log.js';
import type { QueuePayloads } from '../../src/queue/names.js';
import type { BlobStore } from '../../src/storage/blob.js';
import { listArchive, readArchive } from '../data/archive.js';
import { findCopies, labelNotes, reportOf, summarise, whyInvalid } from '../data/dataset-report.js';
import { examineImage } from '../data/decode.js';
import { findLabelsFile, imageLayout } from '../data/image-layout.js';
import type { Hashed } from '../data/near-duplicates.js';

export interface DatasetCheckDeps {
  readonly repositories: Pick<Repositories, 'datasets'>;
  readonly datasets: BlobStore;
  readonly config: Pick<Config, 'threads'>;
  readonly log: Logger;
}

/**
 * Checks a revision: lists the archive, decodes every picture, writes the pack, the examples and the report, and only
 * then, in one step, makes the revision `ready` or `invalid`. Run twice it does the same twice; ended in the middle it
 * leaves nothing that anyone sees.
 */
export function datasetCheck(deps: DatasetCheckDeps) {
  return async ({ datasetId, revision }: QueuePayloads['dataset.check'], signal: AbortSignal): Promise<void> => {
    const { datasets } = deps.repositories;
    const found = await datasets.revision(datasetId, revision);
    if (found === null || found.state !== 'checking' || found.uploadKey === null) return;
    const log = deps.log.child({ dataset: datasetId, revision });
    try {
      await check(deps, found, found.uploadKey, signal);
    } catch (error) {
      if (
        signal.aborted ||
        !(error instanceof GraftError) ||
        !['archive-invalid', 'dataset-invalid'].includes(error.code)
      )
        throw error;
      const problem = storedProblem(error.code, error.detail, error.options.errors);
      await datasets.checked(datasetId, revision, { state: 'invalid', error: problem, summary: null, report: null });
      log.info({ code: error.code }, 'The dataset is invalid');
    }
    await deps.datasets.delete(found.uploadKey);
  };
}

async function check(
  deps: DatasetCheckDeps,
  found: DatasetRevision,
  uploadKey: string,
  signal: AbortSignal,
): Promise<void> {
  const { datasets } = deps.repositories;
  if (found.task !== 'image-classification') {
    throw new GraftError('dataset-invalid', `This version trains image-classification; '${found.task}' comes later.`);
  }
  const path = deps.datasets.localPath(uploadKey);
  if (path === null) throw new Error(`The upload ${uploadKey} is gone.`);
  const started = performance.now();
  const { kind, entries } = await listArchive(path);
  const labelsPath = findLabelsFile(entries);
  let labels: { path: string; text: string } | null = null;
  if (labelsPath !== null) {
    for await (const file of readArchive(path, kind, new Set([labelsPath])))
      labels = { path: file.path, text: file.bytes.toString('utf8') };
  }
  const layout = imageLayout(entries, labels);
  const examples: Example[] = [];
  const hashes: Hashed[] = [];
  const packKey = `packs/${found.datasetId}/${found.number}`;
  const files = readArchive(path, kind, new Set(layout.examples.keys()));
  await deps.datasets.put(
    packKey,
    packed(files, layout.examples, { examples, hashes }, deps.config.threads * 2, signal),
    { signal },
  );
  for (const problem of layout.unlabelled) {
    examples.push({
      ...REJECTED,
      index: examples.length,
      path: problem.path,
      problem: { code: problem.code, detail: problem.detail },
    });
  }

  const copies = findCopies(examples, hashes);
  const summary = summarise(examples, copies.extra, copies.leaks.length);
  const seconds = (performance.now() - started) / 1000;
  // A job decodes as this check did, and then about as long again in the network.
  const estimate = {
    examples: summary.examples,
    seconds: Math.ceil(seconds * 2),
    bytes: examples.reduce((sum, e) => sum + e.bytes, 0),
  };
  const notes = [...layout.notes, ...labelNotes(summary)];
  const report = reportOf(`${kind}, ${layout.format}`, summary, examples, copies, notes, estimate);
  const error = whyInvalid(summary, report.rejected);
  signal.throwIfAborted();
  await datasets.clearExamples(found.datasetId, found.number);
  await datasets.addExamples(found.datasetId, found.number, examples);
  const outcome =
    error === null
      ? ({ state: 'ready', packKey, summary, report } as const)
      : ({ state: 'invalid', error, summary, report } as const);
  await datasets.checked(found.datasetId, found.number, outcome);
  deps.log.info(
    { dataset: found.datasetId, examples: summary.examples, rejected: summary.rejected, seconds },
    `The dataset is ${outcome.state}`,
  );
}

const REJECTED = { label: null, split: null, offset: 0, bytes: 0, digest: null, width: null, height: null } as const;

/**
 * Yields the bytes of the pack while decoding `ahead` pictures at once, and notes examples and hashes in the archive's
 * order. Equal files are kept once; unreadable ones are kept only as a reason.
 */
async function* packed(
  files: AsyncIterable<{ path: string; bytes: Buffer }>,
  known: ReadonlyMap<string, { readonly label: string; readonly split: Example['split'] }>,
  into: { examples: Example[]; hashes: Hashed[] },
  ahead: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const offsets = new Map<string, number>();
  let end = 0;
  const underway: { path: string; bytes: Buffer; seen: ReturnType<typeof examined> }[] = [];
  async function* settle(limit: number): AsyncGenerator<Uint8Array> {
    while (underway.length > limit) {
      const { path, bytes, seen } = underway.shift()!;
      const result = await seen;
      const index = into.examples.length;
      const { label, split } = known.get(path)!;
      if ('problem' in result) {
        into.examples.push({ ...REJECTED, index, path, label, split, problem: result.problem });
        continue;
      }
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      let offset = offsets.get(digest);
      if (offset === undefined) {
        offset = end;
        offsets.set(digest, offset);
        end += bytes.byteLength;
        yield bytes;
      }
      const { width, height } = result.image;
      into.examples.push({
        index,
        path,
        label,
        split,
        offset,
        bytes: bytes.byteLength,
        digest,
        width,
        height,
        problem: null,
      });
      into.hashes.push({ index, hash: result.image.hash, contrast: result.image.contrast });
    }
  }
  for await (const { path, bytes } of files) {
    signal.throwIfAborted();
    underway.push({ path, bytes, seen: examined(bytes) });
    yield* settle(ahead - 1);
  }
  yield* settle(0);
}

async function examined(bytes: Buffer) {
  try {
    return { image: await examineImage(bytes) };
  } catch (error) {
    if (!(error instanceof GraftError)) throw error;
    const item = error.options.errors?.[0];
    return { problem: { code: item?.code ?? 'image-corrupt', detail: item?.detail ?? error.detail } };
  }
}
