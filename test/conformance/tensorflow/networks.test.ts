import { describe, expect, it } from 'vitest';
import { differentiate, gradientName, inferenceForm, nativeRules, OnnxError } from '../../../src/onnx/index.js';
import { type Computed, type Differentiated, gradientErrors, networkNames } from '../../support/networks.js';
import type { Value } from '../../support/onnx.js';
import { TENSORFLOW, tensorflow } from '../../support/tensorflow.js';

/** Networks with an operator that the engine does not run (RandomUniformLike): they train on onnxruntime. */
const UNSUPPORTED: ReadonlySet<string> = new Set(['efficientnet_b0-training']);
async function byTensorflow({ forward, parameters, shapes, feeds }: Differentiated): Promise<Computed> {
  const graph = differentiate(forward, 'loss', parameters, shapes, nativeRules());
  const wanted = ['loss', ...new Set(parameters)].map((name) => (name === 'loss' ? name : gradientName(name)));
  const computed = async (training: boolean): Promise<Record<string, Value>> => {
    const program = await tensorflow().compile(graph, { training });
    try {
      const copies = Object.entries(feeds).map(([name, v]) => [name, { ...v, data: v.data.slice() }]);
      return (await program.run(Object.fromEntries(copies), wanted)) as Record<string, Value>;
    } finally {
      await program.dispose();
    }
  };
  // Kernel by kernel, and as a graph of the library's own.
  return [await computed(false), await computed(true)];
}

describe.runIf(TENSORFLOW !== null)(
  "whole networks' gradients by TensorFlow's kernels against PyTorch's and TensorFlow's own in float64",
  () => {
    it.each(networkNames())('%s', async (name) => {
      if (UNSUPPORTED.has(name)) {
        await expect(gradientErrors(name, inferenceForm, byTensorflow)).rejects.toThrow(OnnxError);
        return;
      }
      const { loss, byParameter } = await gradientErrors(name, inferenceForm, byTensorflow);
      expect(loss).toBeLessThan(1e-3);
      const most = name.startsWith('keras_') ? 1e-4 : 1e-3;
      const wrong = byParameter.filter(({ error }) => !(error < most));
      expect(wrong.map((p) => `${p.name}: ${p.error.toExponential(1)} of norm ${p.norm.toExponential(1)}`)).toEqual([]);
    });
  },
);
