import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GraftError } from '../../src/errors.js';
import { externalFiles, MAX_MODEL_BYTES, OnnxError, type WholeModel, wholeModel } from '../../src/onnx/index.js';

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
 * @throws GraftError `base-invalid` where a tensor and its file do not fit, or it is more than one ONNX file can hold.
 */
export async function writeWhole(model: Uint8Array, files: ReadonlyMap<string, string>, to: string): Promise<void> {
  const sizes = new Map<string, number>();
  for (const [name, path] of files) sizes.set(name, (await stat(path)).size);
  const { parts } = files.size === 0 ? { parts: [model] } : planned(model, sizes);
  await pipeline(Readable.from(contentOf(parts, files), { objectMode: false }), createWriteStream(to));
}

function planned(model: Uint8Array, sizes: ReadonlyMap<string, number>): WholeModel {
  try {
    return wholeModel(model, sizes);
  } catch (error) {
    throw error instanceof OnnxError ? refused(error) : error;
  }
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
    yield* createReadStream(files.get(file)!, { start: offset, end: offset + length - 1, highWaterMark: 1 << 20 });
  }
}
