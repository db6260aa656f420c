import { describe, expect, it } from 'vitest';
import { type GraphBuilder, graphBuilder, type Model, overwritable, tensor } from '../../../src/onnx/index.js';
import { onnxruntimeExecutor } from '../../../workers/executors/onnxruntime.js';

const SIZE = 4;
/** A graph of `p` and `g` whose output `next` is what `made` answers. */
function graph(made: (b: GraphBuilder) => string): Model {
  const b = graphBuilder({ opset: 13, prefix: 'g/' });
  b.input('p', 'float32', [SIZE]);
  b.input('g', 'float32', [SIZE]);
  b.output(b.op('Identity', [made(b)], {}, { outputs: ['other'] }), 'float32', [SIZE]);
  return b.model();
}
const half = (b: GraphBuilder): string => b.op('Mul', ['p', b.constant(tensor('', 'float32', [], 0.5))]);
const next = (b: GraphBuilder, opType: string, inputs: readonly string[]): string => {
  b.op(opType, inputs, {}, { outputs: ['next'] });
  return b.output('next', 'float32', [SIZE]);
};
const may = (made: (b: GraphBuilder) => string): boolean => overwritable(graph(made).graph)('p', 'next');

describe('overwritable', () => {
  it('holds where all readers are done, or are the operation that makes the output', () => {
    expect(may((b) => next(b, 'Sub', [half(b), 'g']))).toBe(true);
    expect(may((b) => next(b, 'Sub', ['p', 'g']))).toBe(true);
    expect(may((b) => next(b, 'Identity', ['g']))).toBe(true);
  });

  it('does not hold where something may read the input later, or the element at another place', () => {
    const early = (b: GraphBuilder) => {
      next(b, 'Sub', ['p', 'g']);
      return half(b);
    };
    expect(may(early)).toBe(false);
    expect(may((b) => next(b, 'Einsum', ['p', 'g']))).toBe(false);
    const viewed = (b: GraphBuilder) => b.op('Reshape', ['p', b.constant(tensor('', 'int64', [1], [SIZE]))]);
    expect(may((b) => next(b, 'Sub', [viewed(b), 'g']))).toBe(false);
  });

  it('lets onnxruntime write the next value where the last one was, only as the state says', async () => {
    const executor = onnxruntimeExecutor({ threads: 1 });
    const program = await executor.compile(
      graph((b) => next(b, 'Sub', [half(b), 'g'])),
      { training: true },
    );
    const of = (value: number) => ({
      dataType: 'float32' as const,
      dims: [SIZE],
      data: new Float32Array(SIZE).fill(value),
    });
    for (const inPlace of [true, false]) {
      const initial = of(8);
      const state = program.state([{ input: 'p', output: 'next', initial, inPlace }]);
      for (let i = 0; i < 2; i++) await program.step(state, { g: of(1) }, []);
      expect([...(await state.read('p')).data]).toEqual(new Array(SIZE).fill(0.5));
      expect(initial.data[0]).toBe(inPlace ? 0.5 : 8);
      await program.step(state, { g: of(1) }, [], () => false);
      expect((await state.read('p')).data[0]).toBe(inPlace ? -0.75 : 0.5);
    }
    await program.dispose();
    await executor.dispose();
  });
});
