import { expect, it } from 'vitest';
import { graphBuilder, withoutLastCopies } from '../../../src/onnx/index.js';
import { run } from '../../support/onnx.js';

it('what only names an output goes, what else an output may be stays', async () => {
  const b = graphBuilder({ opset: 17 });
  const x = b.input('x', 'float32', [2]);
  const named = (from: string, to: string): string => {
    b.op('Identity', [from], {}, { outputs: [to] });
    return b.output(to, 'float32', [2]);
  };
  const square = b.op('Mul', [x, x], {}, { outputs: ['square'] });
  const twice = b.op('Identity', [b.op('Identity', [square])]);
  named(twice, 'of several in a row');
  named(x, 'of an input');
  const sum = b.output(b.op('Add', [square, x], {}, { outputs: ['sum'] }), 'float32', [2]);
  named(sum, 'of an output');
  const difference = b.op('Sub', [square, x]);
  for (const name of ['first', 'second']) named(difference, name);
  const before = b.model();
  const after = withoutLastCopies(before);
  expect(after.graph.outputs).toEqual(before.graph.outputs);
  const left = after.graph.nodes.filter((node) => node.opType === 'Identity').map((node) => node.outputs[0]);
  expect(left).toEqual(['of an input', 'of an output', 'first']);
  const feeds = { x: { dataType: 'float32' as const, dims: [2], data: Float32Array.of(3, -2) } };
  expect(await run(after, feeds)).toEqual(await run(before, feeds));
});
