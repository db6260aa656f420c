import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import yazl from 'yazl';
import type { Config } from '../../src/config.js';
import type { Repositories } from '../../src/domain/ports.js';
import type { Base, ReceivedBytes } from '../../src/domain/types.js';
import type { ErrorCode } from '../../src/errors.js';
import type { Logger } from '../../src/log.js';
import type { Enqueue, QueuePayloads } from '../../src/queue/names.js';
import type { BlobStore } from '../../src/storage/blob.js';
import { weightFilesAt } from '../data/whole-model.js';
import { type HubFile, neededFiles } from '../hub/files.js';
import { downloadFolder, removeDownload, sweepDownloads } from '../hub/folders.js';
import { connectHub, type Hub, type HubPatience } from '../hub/hub.js';
import { fetchFile } from '../hub/transfer.js';
import { type Check, type MostTries, tried } from './tries.js';

export interface BaseDownloadDeps {
  readonly repositories: Pick<Repositories, 'bases'>;
  readonly artifacts: BlobStore;
  readonly enqueue: Enqueue;
  readonly config: Pick<Config, 'home' | 'hub' | 'maxUploadBytes'>;
  readonly log: Logger;
}
export interface BaseDownloadOptions {
  readonly mostTries?: MostTries;
  readonly patience?: HubPatience;
  readonly pauseMs?: number;
}

/** What the hub has, or has not, stays so. */
const VERDICTS: readonly ErrorCode[] = ['hub-not-found', 'hub-denied', 'base-invalid', 'too-large', 'digest-mismatch'];
const SHOW_MS = 1000;
/** So that the same commit makes the same bytes. */
const MTIME = new Date(1980, 0, 1);

/**
 * Fetches a base from the model hub: what its revision is, which files it needs, then these one after the other, each going
 * on where it stopped. Together they become the base's upload, which is checked like one that a user sent. A hub that gives
 * no answer at all ends it at once; one that answered before is tried again later.
 */
export function baseDownload(deps: BaseDownloadDeps, options: BaseDownloadOptions = {}) {
  const { config, log, repositories } = deps;
  const { bases } = repositories;
  return async ({ baseId }: QueuePayloads['base.download'], signal: AbortSignal): Promise<void> => {
    await sweepDownloads(config.home, bases);
    const base = await bases.byId(baseId);
    if (base === null || base.state !== 'receiving' || base.source === null) return;
    const hub = connectHub(config.hub, base.source, options.patience);
    const wanted = new AbortController();
    const attempt: Check = {
      what: 'base',
      again: 'add it again',
      verdicts: () => (hub.answered || base.source?.commit ? VERDICTS : [...VERDICTS, 'hub-unreachable']),
      passing: ['hub-unreachable'],
      start: () => bases.startCheck(baseId),
      end: (how) => bases.endCheck(baseId, how),
      invalid: (error) => bases.checked(baseId, { state: 'invalid', error }),
      run: () =>
        download(deps, base, hub, { wanted, signal: AbortSignal.any([signal, wanted.signal]) }, options.pauseMs),
    };
    try {
      if (await tried(attempt, log.child({ base: baseId }), signal, options.mostTries))
        await removeDownload(config.home, baseId);
    } catch (error) {
      if ((await bases.downloading([baseId])).size > 0) throw error;
      await removeDownload(config.home, baseId);
    } finally {
      await hub.close();
    }
  };
}

async function download(
  deps: BaseDownloadDeps,
  { id, uploadKey, source }: Base,
  hub: Hub,
  { wanted, signal }: { readonly wanted: AbortController; readonly signal: AbortSignal },
  pauseMs: number | undefined,
): Promise<void> {
  const { config, log } = deps;
  const { bases } = deps.repositories;
  const asked = source!;
  // Once the commit is known the revision is not asked for again: a branch may have moved on.
  const pinned = asked.commit === null ? { ...asked, ...(await hub.resolve(signal)) } : asked;
  const commit = pinned.commit!;
  if (asked.commit === null) await bases.pinned(id, { commit, license: pinned.license });
  const there = await hub.files(commit, signal);
  const first = neededFiles(there, pinned, config.maxUploadBytes);
  const shown = showing(first.all, (progress) => bases.progressed(id, progress), wanted, log);
  let files = first.all;
  try {
    const folder = await downloadFolder(config.home, id);
    const fetchAll = async (some: readonly HubFile[]) => {
      for (const file of some) {
        const shared = { config: config.hub, commit, signal, onBytes: shown.bytes };
        await fetchFile(hub, file, pathOf(folder, file), { ...shared, ...(pauseMs !== undefined && { pauseMs }) });
      }
    };
    await fetchAll(files);
    // Only the model itself says where its weights lie.
    const weights = await weightFilesAt(pathOf(folder, first.model));
    files = neededFiles(there, pinned, config.maxUploadBytes, weights).all;
    const more = files.filter((file) => !first.all.includes(file));
    shown.expect(more);
    await fetchAll(more);
    await keep(deps, id, uploadKey!, zipOf(folder, files), signal);
  } finally {
    shown.end();
  }
  log.info({ base: id, hub: asked.hub, commit, files: files.length }, 'Fetched from the hub');
  await deps.enqueue('base.check', { baseId: id });
}

/** Makes it the base's upload, unless the base was deleted meanwhile. */
async function keep(
  { artifacts, repositories }: BaseDownloadDeps,
  id: string,
  key: string,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const blob = await artifacts.put(key, content, { signal });
  if (await repositories.bases.uploaded(id, blob)) return;
  await artifacts.delete(key);
  throw deleted();
}

const deleted = () => new Error('The base was deleted while it was fetched.');

/** Paths of a repository name no file here: each lies under a digest of its path. */
const pathOf = (folder: string, { path }: HubFile): string =>
  join(folder, createHash('sha256').update(path).digest('hex'));

function zipOf(folder: string, files: readonly HubFile[]): AsyncIterable<Uint8Array> {
  const zip = new yazl.ZipFile();
  for (const file of files) zip.addFile(pathOf(folder, file), file.path, { compress: false, mtime: MTIME });
  // The stream does not tell of files that cannot be read.
  zip.on('error', (error: Error) => (zip.outputStream as Readable).destroy(error));
  zip.end();
  return zip.outputStream as Readable;
}

/**
 * Tells the row once a second how much is here, also while nothing comes, and aborts `wanted` when the row says that nobody
 * wants it any more.
 */
function showing(
  files: readonly HubFile[],
  write: (progress: ReceivedBytes) => Promise<boolean>,
  wanted: AbortController,
  log: Logger,
) {
  const bytesOf = (some: readonly HubFile[]) => some.reduce((sum, { bytes }) => sum + bytes, 0);
  let total = bytesOf(files);
  let done = 0;
  const show = () =>
    write({ done, total }).then(
      (still) => still || wanted.abort(deleted()),
      (error: unknown) => log.debug({ err: error }, 'Progress was not written'),
    );
  void show();
  const timer = setInterval(show, SHOW_MS);
  return {
    expect: (more: readonly HubFile[]) => {
      total += bytesOf(more);
    },
    bytes: (count: number) => {
      done += count;
    },
    end: () => clearInterval(timer),
  };
}
