import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { HubSource } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import { besideModel, modelOf, weightPaths } from '../data/hub-files.js';

/** A file of a repository, with the digest that the hub's list of files has for it. */
export interface HubFile {
  readonly path: string;
  readonly bytes: number;
  /** `sha256` of the content for large files (Git LFS), `git`: the id of its blob, for the others. */
  readonly digest: { readonly kind: 'sha256' | 'git'; readonly hex: string };
}

/**
 * The files that a base needs, of those that its repository has.
 * @param weights names of the files beside the model in which it keeps weights, once it is here and says so.
 * @throws GraftError `base-invalid` where there is no model, saying how to make one, or weights are missing; `too-large`.
 */
export function neededFiles(
  files: readonly HubFile[],
  source: HubSource,
  maxBytes: number,
  weights: readonly string[] = [],
): { readonly model: HubFile; readonly all: readonly HubFile[] } {
  const safe = files.filter(({ path }) => !/(^|\/)\.{1,2}(\/|$)|[\\\0]|^\//.test(path));
  const paths = safe.map(({ path }) => path);
  const where = `'${source.hub}' at ${source.commit}`;
  const model = modelOf(paths, where, exportHint(source.hub));
  const beside = weightPaths(paths, model, weights, where);
  const wanted = new Set([model, ...beside, ...besideModel(paths, model).keys()]);
  const all = safe.filter(({ path }) => wanted.has(path));
  const total = all.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > maxBytes)
    throw new GraftError(
      'too-large',
      `The files of '${source.hub}' that are needed have ${total} bytes; at most ${maxBytes} are taken (GRAFT_MAX_UPLOAD_MB).`,
    );
  return { model: all.find(({ path }) => path === model)!, all };
}

const exportHint = (hub: string): string =>
  `Export one with \`optimum-cli export onnx --model ${hub} --task feature-extraction FOLDER\` (pip install optimum-onnx), then add that folder: \`graft bases add FOLDER\`.`;

/** Whether the file at `path` is that one. */
export async function isWhole(path: string, { bytes, digest }: HubFile): Promise<boolean> {
  const hash: Hash = createHash(digest.kind === 'git' ? 'sha1' : 'sha256');
  if (digest.kind === 'git') hash.update(`blob ${bytes}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex') === digest.hex;
}
