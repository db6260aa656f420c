import { OnnxError } from '../error.js';
import { byteLength } from '../tensor.js';
import type { Tensor } from '../types.js';

/** What a tensor says of the file in which its data lie: keys of `external_data` in onnx.proto. */

/** A stretch of a file beside the model. */
export interface FileRange {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

const MEND = 'Take the file that was saved together with this model, whole.';

/** Values of Constant nodes have no name. */
const called = (name: string): string => (name === '' ? 'a constant' : `the tensor '${name}'`);

/**
 * The file that a tensor names: one in the model's own folder.
 * @throws OnnxError `external-data`.
 */
export function fileOf({ name, external }: Tensor): string {
  const location = external?.get('location');
  if (location === undefined || location === '')
    throw new OnnxError('external-data', `The data of ${called(name)} lie in another file, which is not named.`);
  if (/[/\\\0]|^\.{1,2}$|^[A-Za-z]:/.test(location))
    throw new OnnxError(
      'external-data',
      `The data of ${called(name)} are said to lie in '${location}'; only a file in the folder of the model is read, named without a path. Save it again: onnx.save(model, 'model.onnx', save_as_external_data=True, location='model.onnx_data').`,
    );
  return location;
}

/**
 * Where a tensor's data lie.
 * @param sizes bytes of each file.
 * @throws OnnxError `external-data` where they cannot lie there.
 */
export function rangeOf(tensor: Tensor, sizes: ReadonlyMap<string, number>): FileRange {
  const { name, dataType, dims } = tensor;
  const file = fileOf(tensor);
  const refuse = (why: string) =>
    new OnnxError('external-data', `Of the model, ${called(name)} (${dataType}, [${dims}]) ${why}`);
  const size = sizes.get(file);
  if (size === undefined) throw refuse(`has its data in '${file}', which is not there.`);
  if (dataType === 'string' || dataType === 'undefined') throw refuse('cannot have its data in another file.');
  const offset = position(tensor, 'offset') ?? 0;
  if (offset > size) throw refuse(`begins at byte ${offset} of '${file}', which has only ${size}. ${MEND}`);
  const length = position(tensor, 'length') ?? size - offset;
  const needs = byteLength(dataType, dims);
  if (length !== needs)
    throw refuse(`needs ${needs} bytes of data, but ${length} are said to lie in '${file}'. ${MEND}`);
  if (offset + length > size)
    throw refuse(`ends at byte ${offset + length} of '${file}', which has only ${size}: it was cut off. ${MEND}`);
  return { file, offset, length };
}

/** A count of bytes, written as text; null where nothing is said. */
function position({ name, external }: Tensor, key: 'offset' | 'length'): number | null {
  const text = external?.get(key);
  if (text === undefined) return null;
  if (!/^\d{1,15}$/.test(text))
    throw new OnnxError(
      'external-data',
      `Of the model, ${called(name)} has the ${key} '${text}'; it must be a count of bytes.`,
    );
  return Number(text);
}

/**
 * SHA-1 of the whole file in 40 digits, small; null where nothing is said.
 * @throws OnnxError `external-data` where it is something else.
 */
export function checksumOf({ name, external }: Tensor): string | null {
  const text = external?.get('checksum');
  if (text === undefined || text === '') return null;
  if (!/^[\da-f]{40}$/i.test(text))
    throw new OnnxError(
      'external-data',
      `Of the model, ${called(name)} has the checksum '${text.slice(0, 80)}'; it must be the SHA-1 of its file in 40 hexadecimal digits.`,
    );
  return text.toLowerCase();
}
