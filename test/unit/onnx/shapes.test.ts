import { expect, it } from 'vitest';
import {
  decodeModel,
  graphBuilder,
  type Model,
  measureShapes,
  measureShapesFor,
  tensor,
} from '../../../src/onnx/index.js';
import { shapeRunner } from '../../support/onnx.js';

/** Two products, the first by a weight of 128 KiB; the sizes of the result are in the graph's own numbers. */
function network(opset: number): Model {
  const b = graphBuilder({ opset, name: 'wide' });
  const x = b.input('x', 'float32', ['N', 64]);
  const wide = b.initializer('wide', tensor('', 'float32', [64, 512], new Array<number>(64 * 512).fill(0.5)));
  const narrow = b.initializer('narrow', tensor('', 'float32', [512, 3], new Array<number>(512 * 3).fill(0.5)));
  const sizes = b.initializer('sizes', tensor('', 'int64', [3], [0, 3, 1]));
  const product = b.op('MatMul', [b.op('MatMul', [x, wide], {}, { outputs: ['hidden'] }), narrow]);
  b.output(b.op('Reshape', [product, sizes], {}, { outputs: ['y'] }), 'float32', ['N', 3, 1]);
  return b.model();
}

for (const opset of [8, 13])
  it(`opset ${opset}: sizes for a batch are told without it and, where zeros can be made, without large weights`, async () => {
    const sizesOfFiles: number[] = [];
    const batches: number[] = [];
    const found = await measureShapesFor(network(opset), { batch: 16 }, (chunks, feeds) => {
      const file = Buffer.concat(chunks);
      sizesOfFiles.push(file.length);
      batches.push(feeds.get('x')!.dims[0]!);
      expect(decodeModel(file).graph.outputs.map((v) => v.name)).not.toContain('wide');
      return shapeRunner(chunks, feeds);
    });
    const whole = await measureShapes(
      network(opset),
      new Map([['x', { dataType: 'float32', dims: [16, 64] }]]),
      shapeRunner,
    );
    expect(found).toEqual(whole);
    expect(batches).toEqual([2, 3]);
    for (const size of sizesOfFiles) {
      if (opset < 9) expect(size).toBeGreaterThan(128 * 1024);
      else expect(size).toBeLessThan(16 * 1024);
    }
  });
