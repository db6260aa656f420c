import { expect, it } from 'vitest';
import { differentiate, gradientName, graphBuilder, type TensorShape, tensor } from '../../../../src/onnx/index.js';
import { onnxruntimeExecutor } from '../../../../workers/executors/onnxruntime.js';

const [ROWS, WIDTH, TAKEN] = [2, 384, 1024];

// With ScatterND this fails in one run of six: its threads overwrite each other's sums.
it('rows that a table gives many times get all their gradients, whichever threads add them', async () => {
  const b = graphBuilder({ opset: 17 });
  const [table, ids] = [b.input('table', 'float32', [ROWS, WIDTH]), b.input('ids', 'int64', [TAKEN])];
  const rows = b.op('Gather', [table, ids], {}, { outputs: ['rows'] });
  const axes = b.constant(tensor('', 'int64', [2], [0, 1]));
  b.output(b.op('ReduceSum', [rows, axes], { keepdims: 0 }, { outputs: ['loss'] }), 'float32', []);
  const float = (dims: readonly number[]): TensorShape => ({ dataType: 'float32', dims });
  const shapes = new Map<string, TensorShape>([
    ['table', float([ROWS, WIDTH])],
    ['ids', { dataType: 'int64', dims: [TAKEN] }],
    ['rows', float([TAKEN, WIDTH])],
    ['loss', float([])],
  ]);
  const executor = onnxruntimeExecutor({ threads: 2 });
  const program = await executor.compile(differentiate(b.model(), 'loss', ['table'], shapes), { training: true });
  const feeds = {
    table: { dataType: 'float32', dims: [ROWS, WIDTH], data: new Float32Array(ROWS * WIDTH) },
    ids: { dataType: 'int64', dims: [TAKEN], data: BigInt64Array.from({ length: TAKEN }, (_, i) => BigInt(i & 1)) },
  } as const;
  for (let i = 0; i < 100; i++) {
    const { [gradientName('table')]: found } = await program.run(feeds, [gradientName('table')]);
    expect([...new Set(found?.data as Float32Array)]).toEqual([TAKEN / 2]);
  }
  await program.dispose();
});
