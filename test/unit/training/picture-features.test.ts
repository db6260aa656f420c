import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Preprocessing } from '../../../src/domain/types.js';
import { decodeModel, graphBuilder, type Model } from '../../../src/onnx/index.js';
import { pixelTrunk } from '../../../src/tasks/image-classification/compose.js';
import { decodeImage } from '../../../workers/data/decode.js';
import type { Executor, Lanes } from '../../../workers/executors/executor.js';
import { oneLane } from '../../../workers/executors/lanes.js';
import { onnxruntimeExecutor } from '../../../workers/executors/onnxruntime.js';
import { extractFeatures } from '../../../workers/training/features.js';
import { baseOf } from '../../support/base-forms.js';
import { picture } from '../../support/pictures.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-features-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const P: Preprocessing = { resize: 36, crop: 32, layout: 'NCHW', channels: 'RGB', scale: 1 / 255, mean: [0], std: [1] };

const pictures = await Promise.all(Array.from({ length: 11 }, (_, i) => picture(i + 1)));
const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
function packed(files: readonly Buffer[]) {
  const path = join(folder, `pack-${digestOf(Buffer.concat(files)).slice(7)}`);
  writeFileSync(path, Buffer.concat(files));
  let offset = 0;
  const examples = files.map((bytes, index) => {
    offset += bytes.length;
    const at = offset - bytes.length;
    return {
      ...{ index, path: `${index}.jpg`, label: 'x', split: null },
      ...{ offset: at, bytes: bytes.length, digest: digestOf(bytes) },
    };
  });
  return { path, examples };
}
const pack = packed(pictures);
const base = (batch: number | 'N') => {
  const path = join(folder, `base-${batch}.onnx`);
  writeFileSync(path, baseOf({ batch }));
  return { path, digest: `sha256:${batch}` };
};
let caches = 0;
const extract = (executor: Executor, batch: number | 'N' = 'N', from = pack) =>
  extractFeatures(
    executor,
    {
      ...{ base: base(batch), cut: 'logits', width: null, packPath: from.path },
      input: { kind: 'image', preprocessing: P },
      cache: { root: join(folder, `cache-${caches++}`), maxBytes: 1 << 20 },
    },
    from.examples,
    () => {},
  );

describe('features of pictures', () => {
  it('have the same bits on any number of threads, and where a program blocks this one', async () => {
    const one = onnxruntimeExecutor({ threads: 1 });
    const program = await one.compile(pixelTrunk(decodeModel(baseOf({})), 'logits', P));
    const wanted: number[] = [];
    for (const bytes of pictures) {
      const pixels = { dataType: 'uint8' as const, dims: [1, 32, 32, 3], data: await decodeImage(bytes, P) };
      const [name] = program.inputs as [string];
      const results = await program.run({ [name]: pixels }, program.outputs);
      wanted.push(...(results[program.outputs[0]!]!.data as Float32Array));
    }
    const blocking: Executor = { ...one, compileLanes: async (model) => oneLane(await one.compile(model)) };
    for (const executor of [one, onnxruntimeExecutor({ threads: 3 }), blocking])
      expect(await extract(executor)).toMatchObject({ width: 6, computed: 11, values: Float32Array.from(wanted) });
    // Of a file that is fixed to some, the last batch is filled up.
    expect((await extract(one, 3)).values).toEqual(Float32Array.from(wanted));
  });

  it('say which picture cannot be decoded, once what goes on is over', async () => {
    const cut = packed(pictures.with(9, pictures[9]!.subarray(0, 400)));
    let disposed = 0;
    const executor = onnxruntimeExecutor({ threads: 2 });
    const watched: Executor = {
      ...executor,
      async compileLanes(model) {
        const lanes = await executor.compileLanes(model);
        let going = 0;
        return {
          ...lanes,
          async run(...given: Parameters<Lanes['run']>) {
            going++;
            return lanes.run(...given).finally(() => going--);
          },
          async dispose() {
            expect(going).toBe(0);
            disposed++;
            await lanes.dispose();
          },
        };
      },
    };
    await expect(extract(watched, 'N', cut)).rejects.toThrow(/9\.jpg/);
    expect(disposed).toBe(1);
  });
});

describe('lanes', () => {
  const image = (count: number) => ({
    image: {
      dataType: 'float32' as const,
      dims: [count, 3, 32, 32],
      data: new Float32Array(count * 3 * 1024).fill(0.5),
    },
  });

  it('run at the same time, no more than there are; what fails is told, and the next goes on', async () => {
    const lanes = await onnxruntimeExecutor({ threads: 2 }).compileLanes(decodeModel(baseOf({})));
    expect(lanes).toMatchObject({ count: 2, threads: 1, outputs: ['logits'] });
    const both = [lanes.run(image(1), ['logits']), lanes.run(image(2), ['logits'])];
    await expect(lanes.run(image(1), ['logits'])).rejects.toThrow('More than 2');
    const sizes = (await Promise.all(both)).map(({ logits }) => logits?.dims);
    expect(sizes).toEqual([
      [1, 6],
      [2, 6],
    ]);
    const wrong = { image: { dataType: 'float32' as const, dims: [1, 2], data: new Float32Array(2) } };
    await expect(lanes.run(wrong, ['logits'])).rejects.toThrow(/rank/i);
    expect((await lanes.run(image(1), ['logits'])).logits?.dims).toEqual([1, 6]);
    const last = lanes.run(image(1), ['logits']);
    await lanes.dispose();
    expect((await last).logits?.dims).toEqual([1, 6]);
  });

  it('say why a graph cannot be loaded', async () => {
    const b = graphBuilder({ opset: 13 });
    b.output(b.op('NoSuchOperator', [b.input('x', 'float32', [1])]), 'float32', [1]);
    const made: Model = b.model();
    await expect(onnxruntimeExecutor({ threads: 2 }).compileLanes(made)).rejects.toThrow(/NoSuchOperator/);
  });
});
