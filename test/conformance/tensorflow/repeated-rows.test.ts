import { describe, expect, it } from 'vitest';
import {
  differentiate,
  gradientName,
  graphBuilder,
  nativeRules,
  type TensorShape,
  tensor,
} from '../../../src/onnx/index.js';
import type { HostTensor } from '../../../workers/executors/executor.js';
import { random } from '../../support/onnx.js';
import { TENSORFLOW, tensorflow } from '../../support/tensorflow.js';

const [ROWS, WIDTH, TAKEN] = [3, 384, 1024];
/** Every third place counts from the end; row 2 of the table is never taken. */
const place = (i: number): number => (i % 3 === 0 ? -ROWS : 0) + (i & 1);

describe.runIf(TENSORFLOW !== null)('rows that a table gives many times', () => {
  it.each([false, true])('get all their gradients, the same bits in every run, as a graph: %s', async (training) => {
    const b = graphBuilder({ opset: 17 });
    const table = b.input('table', 'float32', [ROWS, 2, WIDTH / 2]);
    const [ids, weights] = [
      b.input('ids', 'int64', [2, TAKEN / 2]),
      b.input('w', 'float32', [2, TAKEN / 2, 2, WIDTH / 2]),
    ];
    const rows = b.op('Gather', [table, ids], {}, { outputs: ['rows'] });
    const axes = b.constant(tensor('', 'int64', [4], [0, 1, 2, 3]));
    const product = b.op('Mul', [rows, weights], {}, { outputs: ['product'] });
    b.output(b.op('ReduceSum', [product, axes], { keepdims: 0 }, { outputs: ['loss'] }), 'float32', []);
    const float = (...dims: number[]): TensorShape => ({ dataType: 'float32', dims });
    const whole = float(2, TAKEN / 2, 2, WIDTH / 2);
    const shapes = new Map<string, TensorShape>([
      ['table', float(ROWS, 2, WIDTH / 2)],
      ['ids', { dataType: 'int64', dims: [2, TAKEN / 2] }],
      ...['w', 'rows', 'product'].map((name) => [name, whole] as const),
      ['loss', float()],
    ]);
    const graph = differentiate(b.model(), 'loss', ['table'], shapes, nativeRules());
    expect(graph.graph.nodes.map((n) => n.opType)).toContain('SegmentSum');
    const program = await tensorflow().compile(graph, { training });
    const next = random(3);
    const w = Float32Array.from({ length: TAKEN * WIDTH }, () => next() - 0.5);
    const feeds = (): Record<string, HostTensor> => ({
      table: { dataType: 'float32', dims: [ROWS, 2, WIDTH / 2], data: new Float32Array(ROWS * WIDTH) },
      ids: {
        dataType: 'int64',
        dims: [2, TAKEN / 2],
        data: BigInt64Array.from({ length: TAKEN }, (_, i) => BigInt(place(i))),
      },
      w: { dataType: 'float32', dims: whole.dims, data: w.slice() },
    });
    const right = new Float64Array(ROWS * WIDTH);
    for (let i = 0; i < TAKEN; i++) for (let j = 0; j < WIDTH; j++) right[(i & 1) * WIDTH + j]! += w[i * WIDTH + j]!;
    const found: Float32Array[] = [];
    for (let i = 0; i < 20; i++) {
      const { [gradientName('table')]: made } = await program.run(feeds(), [gradientName('table')]);
      found.push(made!.data as Float32Array);
    }
    const off = right.reduce((most, v, i) => Math.max(most, Math.abs(v - found[0]![i]!)), 0);
    expect(off).toBeGreaterThan(0);
    expect(off).toBeLessThan(1e-4);
    for (const again of found) expect(again).toEqual(found[0]);
    await program.dispose();
  });
});
