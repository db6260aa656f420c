import { expect, it } from 'vitest';
import { graphDef } from '../../../workers/executors/tensorflow/graph-def.js';

it.each([true, false])('a graph asks for its calls to be compiled where that is wanted: %s', (fused) => {
  const step = {
    kernel: 'Sqrt',
    attributes: [],
    inputs: [0],
    outputs: [1],
    types: ['float32'] as const,
    free: [],
    node: '',
  };
  const { file, names } = graphDef({ steps: [step] }, new Map([[0, { type: 'float32', dims: [2] }]]), new Map(), fused);
  expect(names.get(1)).toBe('step0:0');
  expect(Buffer.concat(file).includes('_XlaCompile')).toBe(fused);
});
