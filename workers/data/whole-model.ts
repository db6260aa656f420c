import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GraftError } from '../../src/errors.js';
import { externalFiles, MAX_MODEL_BYTES, OnnxError, type WholeModel, wholeModel } from '../../src/onnx/index.js';

/** Bytes read at a time. */
const PIECE = 1024 * 1024;

/**
 * Names of the files beside the model in which it keeps weights; none for bytes that are no model, which the check refuses
 * with the reason.
 * @throws GraftError `base-invalid` where it names another folder.
 */
export function weightFiles(model: Uint8Array): readonly string[] {
  try {
    return externalFiles(model);
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    if (error.code === 'external-data') throw refused(error);
    return [];
  }
}

/** As `weightFiles`, of the model at `path`. */
export async function weightFilesAt(path: string): Promise<readonly string[]> {
  // What is longer is no model.
  return (await stat(path)).size > MAX_MODEL_BYTES ? [] : weightFiles(await readFile(path));
}

/**
 * Writes a model as one file, weights included; these pass through, a piece at a time.
 * @param files where each file that `weightFiles` names lies on this disk.
 * @throws GraftError `base-invalid` where a tensor and its file do not fit, a file is not the one whose checksum the model
 * names, or it is more than one ONNX file can hold.
 */
export async function writeWhole(model: Uint8Array, files: ReadonlyMap<string, string>, to: string): Promise<void> {
  const sizes = new Map<string, number>();
  for (const [name, path] of files) sizes.set(name, (await stat(path)).size);
  const { parts, checksums } = files.size === 0 ? { parts: [model], checksums: [] } : planned(model, sizes);
  for (const [name, checksum] of checksums) await checkSum(name, files.get(name)!, checksum);
  await pipeline(Readable.from(contentOf(parts, files), { objectMode: false }), createWriteStream(to));
}

function planned(model: Uint8Array, sizes: ReadonlyMap<string, number>): WholeModel {
  try {
    return wholeModel(model, sizes);
  } catch (error) {
    throw error instanceof OnnxError ? refused(error) : error;
  }
}

/** Files of weights may be of any kind inside: a changed byte shows nowhere else. */
async function checkSum(name: string, path: string, expected: string): Promise<void> {
  const hash = createHash('sha1');
  await pipeline(createReadStream(path, { highWaterMark: PIECE }), hash);
  const found = hash.digest('hex');
  if (found === expected) return;
  const detail = `'${name}' has the SHA-1 ${found}, but the model says ${expected}: it was changed or damaged, or belongs to another model. Take the file that was saved together with this one.`;
  throw new GraftError('base-invalid', detail, { errors: [{ path: name, code: 'digest-mismatch', detail }] });
}

const refused = ({ code, detail }: OnnxError): GraftError =>
  new GraftError('base-invalid', detail, { errors: [{ path: '', code, detail }] });

async function* contentOf(
  parts: WholeModel['parts'],
  files: ReadonlyMap<string, string>,
): AsyncGenerator<Uint8Array, void> {
  for (const part of parts) {
    if (part instanceof Uint8Array) {
      yield part;
      continue;
    }
    const { file, offset, length } = part;
    yield* createReadStream(files.get(file)!, { start: offset, end: offset + length - 1, highWaterMark: PIECE });
  }
}
