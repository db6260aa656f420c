import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { HubSource } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import { besideModel, modelOf } from '../data/hub-files.js';

/** A file of a repository, with the digest that the hub's list of files has for it. */
export interface HubFile {
  readonly path: string;
  readonly bytes: number;
  /** `sha256` of the content for large files (Git LFS), `git`: the id of its blob, for the others. */
  readonly digest: { readonly kind: 'sha256' | 'git'; readonly hex: string };
}

/**
 * The files that a base needs: the model with its weights where these lie beside it, and the settings around it.
 * @throws GraftError `base-invalid` where there is no model, saying how to make one; `too-large`.
 */
export function neededFiles(files: readonly HubFile[], source: HubSource, maxBytes: number): readonly HubFile[] {
  const safe = files.filter(({ path }) => !/(^|\/)\.{1,2}(\/|$)|[\\\0]|^\//.test(path));
  const paths = safe.map(({ path }) => path);
  const model = modelOf(paths, `'${source.hub}' at ${source.commit}`, exportHint(source.hub));
  // Written so by PyTorch (`model.onnx.data`) and by optimum (`model.onnx_data`).
  const weights = paths.filter((path) => path.startsWith(`${model}.data`) || path.startsWith(`${model}_data`));
  const wanted = new Set([model, ...weights, ...besideModel(paths, model).keys()]);
  const needed = safe.filter(({ path }) => wanted.has(path));
  const total = needed.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > maxBytes)
    throw new GraftError(
      'too-large',
      `The files of '${source.hub}' that are needed have ${total} bytes; at most ${maxBytes} are taken (GRAFT_MAX_UPLOAD_MB).`,
    );
  return needed;
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
