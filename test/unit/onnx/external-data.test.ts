import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  decodeModel,
  encodeModel,
  examine,
  externalFiles,
  graphBuilder,
  type Model,
  modelDigest,
  OnnxError,
  tensor,
  wholeModel,
} from '../../../src/onnx/index.js';
import { type External, externally } from '../../support/external-data.js';

const bytesOf = (model: Model): Buffer => Buffer.concat(encodeModel(model));
/** The whole model as bytes, put together as a worker does on disk. */
function assembled(model: Uint8Array, files: Readonly<Record<string, Uint8Array>>): Buffer {
  const { parts, length } = wholeModel(model, new Map(Object.entries(files).map(([name, { length: n }]) => [name, n])));
  const bytes = Buffer.concat(
    parts.map((part) =>
      part instanceof Uint8Array ? part : files[part.file]!.subarray(part.offset, part.offset + part.length),
    ),
  );
  expect(bytes.length).toBe(length);
  return bytes;
}

/** Two matrices of 4 x 4 in float32: 64 bytes each. */
function twoMatrices(): Model {
  const b = graphBuilder({ opset: 17 });
  const matrix = (from: number) =>
    tensor(
      '',
      'float32',
      [4, 4],
      Array.from({ length: 16 }, (_, i) => from + i),
    );
  const inner = b.op('MatMul', [b.input('x', 'float32', ['N', 4]), b.initializer('a', matrix(1))]);
  b.output(b.op('MatMul', [inner, b.initializer('b', matrix(2))]), 'float32', ['N', 4]);
  return b.model();
}

describe('weights beside the model', () => {
  it('make the file that the model is without them, byte for byte', () => {
    const { model, data } = externally(twoMatrices());
    expect(externalFiles(model)).toEqual(['model.onnx_data']);
    expect(assembled(model, { 'model.onnx_data': data }).equals(bytesOf(twoMatrices()))).toBe(true);
  });

  it('as the onnx package saves them, in subgraphs and attributes too, are read as it reads them', () => {
    const read = (name: string) => readFileSync(join(import.meta.dirname, '../../fixtures/external-data', name));
    const model = read('model.onnx');
    expect(externalFiles(model)).toEqual(['model.onnx_data']);
    const whole = decodeModel(assembled(model, { 'model.onnx_data': read('model.onnx_data') }));
    expect(modelDigest(whole)).toBe(modelDigest(decodeModel(read('whole.onnx'))));
    expect(examine(read('model.onnx')).problems[0]?.detail).toMatch(/^6 tensors with 29 parameters/);
  });

  it('a model that holds its weights stays as it is', () => {
    const model = bytesOf(twoMatrices());
    expect(externalFiles(model)).toEqual([]);
    expect(assembled(model, {}).equals(model)).toBe(true);
  });

  it('begin at the start and go to the end where nothing else is said, and may be shared', () => {
    const { model } = externally(twoMatrices(), { offset: null, length: null });
    const data = new Uint8Array(64).fill(7);
    const { initializers } = decodeModel(assembled(model, { 'model.onnx_data': data })).graph;
    for (const name of ['a', 'b']) expect(Buffer.from(initializers.get(name)!.data).equals(data)).toBe(true);
  });

  it('may have a checksum, by file and in either case', () => {
    const sums = (checksum: string) => {
      const { model, data } = externally(twoMatrices(), { checksum });
      return [...wholeModel(model, new Map([['model.onnx_data', data.length]])).checksums];
    };
    expect(sums('A9993E364706816ABA3E25717850C26C9CD0D89D')).toEqual([
      ['model.onnx_data', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
    ]);
    expect(sums('')).toEqual([]);
  });

  it('of which two tensors say different checksums are refused', () => {
    const net = twoMatrices();
    const said = (checksum: string) => decodeModel(externally(net, { checksum }).model).graph.initializers;
    const [one, other] = ['1'.repeat(40), '2'.repeat(40)];
    const initializers = new Map(
      [...said(one!)].map(([name, t]) => [name, name === 'b' ? said(other!).get(name)! : t]),
    );
    const model = bytesOf({ ...net, graph: { ...net.graph, initializers } });
    expect(() => wholeModel(model, new Map([['model.onnx_data', 8192]]))).toThrow(
      /SHA-1 is 1{40} and also that it is 2{40}/,
    );
  });

  const refused: readonly [what: string, said: External, bytes: number, words: RegExp][] = [
    ['a folder above', { location: '../model.onnx_data' }, 128, /'\.\.\/model\.onnx_data'; only a file in the folder/],
    ['an absolute path', { location: '/etc/passwd' }, 128, /'\/etc\/passwd'; only a file in the folder/],
    ['a drive', { location: 'C:weights' }, 128, /'C:weights'; only a file in the folder/],
    ['a folder', { location: '..' }, 128, /'\.\.'; only a file in the folder/],
    ['a folder below', { location: 'weights\\a' }, 128, /only a file in the folder/],
    ['no name', { location: null }, 128, /which is not named/],
    ['a file that is not there', { location: 'other' }, 128, /'a' .*'other', which is not there/],
    ['an offset beyond the end', { offset: '129' }, 128, /begins at byte 129 of .* has only 128/],
    ['more than follows', { offset: '65' }, 128, /ends at byte 129 of 'model\.onnx_data', which has only 128/],
    ['too few bytes', { length: '60' }, 128, /'a' \(float32, \[4,4\]\) needs 64 bytes of data, but 60/],
    ['a rest of another length', { offset: '0', length: null }, 128, /needs 64 bytes of data, but 128/],
    ['an offset that is none', { offset: '-1' }, 128, /the offset '-1'; it must be a count/],
    ['a length that is none', { length: '0x40' }, 128, /the length '0x40'; it must be a count/],
    ['a checksum of another kind', { checksum: 'sha256:00' }, 8192, /the checksum 'sha256:00'; it must be the SHA-1/],
  ];
  it.each(refused)('%s is refused in words', (_, said, bytes, words) => {
    const { model } = externally(twoMatrices(), said);
    const put = () => assembled(model, { 'model.onnx_data': new Uint8Array(bytes) });
    expect(put).toThrow(OnnxError);
    expect(put).toThrow(words);
  });

  it('more than one ONNX file can hold are refused, before any is read', () => {
    const b = graphBuilder({ opset: 17 });
    const huge = { name: '', dataType: 'float32', dims: [2 ** 28], data: new Uint8Array(0) } as const;
    const external = new Map([['location', 'data']]);
    const shared = ['a', 'b'].map((name) => b.initializer(name, { ...huge, external }));
    b.output(b.op('Add', shared), 'float32', [2 ** 28]);
    const sizes = new Map([['data', 2 ** 30]]);
    expect(() => wholeModel(bytesOf(b.model()), sizes)).toThrow(/it can have 2147483647 \(2 GiB\)/);
  });
});
