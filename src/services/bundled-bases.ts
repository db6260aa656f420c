import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import type { Readable } from 'node:stream';
import yazl from 'yazl';
import type { Task } from '../domain/types.js';
import { newId } from '../ids.js';
import { installed } from '../installation.js';
import { digestOfFile } from '../storage/filesystem.js';
import { type BaseServices, createBase } from './bases.js';
import { uploadKey } from './datasets.js';

export interface BundledBase {
  readonly name: string;
  readonly path: string;
}

/** What each base of the installation is for, by its name: a job may name none while it is still being checked. */
export const BUNDLED_TASK: Readonly<Record<string, Task>> = {
  'photo-small': 'image-classification',
  'text-small': 'text-classification',
};

/** `bases/<name>/<name>.onnx` of this installation. */
export function bundledBases(): readonly BundledBase[] {
  const bases = installed('bases');
  if (bases === null) return [];
  return readdirSync(bases)
    .map((name) => ({ name, path: join(bases, name, `${name}.onnx`) }))
    .filter(({ path }) => existsSync(path));
}

/** Of a base's folder; the rest is its recipe. */
const HUB_FILE = /\.(onnx|json|txt)$/;

/**
 * Adds the installation's own bases to a project, each once: one that was deleted there stays deleted, and one of another
 * version gives its name away (`name@digest`) but stays for the jobs and models that stand on it. A base that somebody
 * else gave the name keeps it. Only one process may do this at a time.
 * @returns the names that were added.
 */
export async function addBundledBases(
  deps: BaseServices,
  projectId: string,
  bundled: readonly BundledBase[],
): Promise<readonly string[]> {
  const added: string[] = [];
  for (const { name, path } of bundled) {
    const digest = await digestOfFile(path);
    if (!(await wanted(deps.repositories.bases, projectId, name, digest))) continue;
    const id = newId('base');
    const blob = isHubFolder(dirname(path))
      ? await deps.stores.artifacts.put(uploadKey(id), zipped(dirname(path)))
      : await deps.stores.artifacts.put(uploadKey(id), createReadStream(path), { expectedDigest: digest });
    await createBase(deps, projectId, { id, name, bundled: true }, blob);
    added.push(name);
  }
  return added;
}

/** A tokenizer belongs to the model, so both are given to the checker. */
const isHubFolder = (folder: string): boolean => existsSync(join(folder, 'tokenizer.json'));

/** The model and the settings beside it, as a model hub keeps them. */
function zipped(folder: string): Readable {
  const zip = new yazl.ZipFile();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || !HUB_FILE.test(path)) continue;
    zip.addFile(path, relative(folder, path).split(sep).join('/'), { compress: false });
  }
  zip.end();
  return zip.outputStream as Readable;
}

/** Whether the name is free for this content, after what stands in its way and is ours was moved. */
async function wanted(
  bases: BaseServices['repositories']['bases'],
  projectId: string,
  name: string,
  digest: string,
): Promise<boolean> {
  if (await bases.bundledDeleted(projectId, digest)) return false;
  for (const base of await bases.bundled(projectId)) {
    if (base.name !== name) continue;
    // Left by a process that ended between the row and the check, or refused for a reason of that moment.
    if (base.state === 'receiving') await bases.abandon(base.id);
    else if (base.state === 'invalid') await bases.delete(projectId, base.id);
    // Until it is checked, its digest is that of what was uploaded; another version is told apart at the next start.
    else if (base.state === 'checking' || base.digest === digest) return false;
    else await bases.rename(base.id, `${name}@${base.digest?.slice(7, 19)}`);
  }
  return (await bases.find(projectId, name)) === null;
}
