import { describe, expect, it } from 'vitest';
import { DATA_TYPES, graphBuilder, inFloat32, type Tensor } from '../../../src/onnx/index.js';
import { run } from '../../support/onnx.js';

const FLOAT32 = DATA_TYPES.indexOf('float32');
/** 1, -2, 0.5 and 65504, the largest. */
const HALVES = new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x3800, 0x7bff).buffer);
const stored: Tensor = { name: '', dataType: 'float16', dims: [4], data: HALVES };

describe('weights stored in half precision', () => {
  it('are read without the Cast that widened them, by their own name', async () => {
    const b = graphBuilder({ opset: 17 });
    const wide = b.op('Cast', [b.initializer('weight', stored)], { to: FLOAT32 });
    const x = b.input('x', 'float32', [4]);
    b.output(b.op('Add', [b.op('Mul', [x, wide]), wide]), 'float32', [4]);
    const single = inFloat32(b.model());
    expect(single.graph.nodes.map((n) => n.opType)).toEqual(['Mul', 'Add']);
    expect(single.graph.initializers.get('weight')?.dataType).toBe('float32');
    const feeds = { x: { dataType: 'float32', dims: [4], data: Float32Array.of(1, 2, 3, 0) } } as const;
    const [y] = Object.values(await run(single, feeds));
    expect([...y!.data]).toEqual([2, -6, 2, 65_504]);
  });

  it('keep a Cast that is an output, and one of what is computed', () => {
    const b = graphBuilder({ opset: 17 });
    b.output(b.op('Cast', [b.initializer('weight', stored)], { to: FLOAT32 }), 'float32', [4]);
    const x = b.input('x', 'float16', [4]);
    b.output(b.op('Cast', [x], { to: FLOAT32 }), 'float32', [4]);
    expect(inFloat32(b.model()).graph.nodes).toHaveLength(2);
  });
});
