import { describe, expect, it } from 'vitest';
import { graphBuilder, kernelOrders, type Model, tensor } from '../../../src/onnx/index.js';

/** Convolutions of x [1, 4, 8, 8] by the kernels, and the sum of those that `summed` names. */
function network(
  kernels: Readonly<Record<string, readonly [dims: readonly number[], group: number]>>,
  summed = '',
): Model {
  const b = graphBuilder({ opset: 13, name: 'orders' });
  const x = b.input('x', 'float32', [1, 4, 8, 8]);
  for (const [name, [dims, group]] of Object.entries(kernels)) {
    b.initializer(name, tensor('', 'float32', dims, 1));
    b.output(b.op('Conv', [x, name], { group }, { outputs: [`y(${name})`] }), 'float32', []);
  }
  if (summed) b.output(b.op('ReduceSum', [summed], { keepdims: 0 }, { outputs: ['sum'] }), 'float32', []);
  return b.model();
}

describe('orders of kernels', () => {
  it('are places first for dense and depthwise ones; grouped ones and those over one axis stay', () => {
    const made = network({
      dense: [[6, 4, 3, 3], 1],
      point: [[6, 4, 1, 1], 1],
      depthwise: [[4, 1, 3, 3], 4],
      doubled: [[8, 1, 3, 3], 4],
      grouped: [[6, 2, 3, 3], 2],
      line: [[6, 4, 3], 1],
    });
    expect(Object.fromEntries(kernelOrders(made))).toEqual({
      dense: [2, 3, 1, 0],
      point: [2, 3, 1, 0],
      depthwise: [2, 3, 0, 1],
    });
  });

  it('are left alone where something else reads the kernel', () => {
    const kernels = { shared: [[6, 4, 3, 3], 1], own: [[6, 4, 3, 3], 1] } as const;
    expect([...kernelOrders(network(kernels, 'shared')).keys()]).toEqual(['own']);
  });
});
