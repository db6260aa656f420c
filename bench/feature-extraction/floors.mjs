import { readFileSync, writeFileSync } from 'node:fs';

const onnx = () => import(new URL('../../dist/src/onnx/index.js', import.meta.url).href);

/** A base that learned nothing and computes nothing: pixels of 32x32 as features. Writes it to `target`, returns that. */
export async function rawPixels(target) {
  const { encodeModel, graphBuilder } = await onnx();
  const b = graphBuilder({ opset: 17, name: 'raw-pixels' });
  const x = b.input('pixels', 'float32', ['N', 3, 32, 32]);
  b.output(b.op('Flatten', [x], { axis: 1 }, { outputs: ['features'] }), 'float32', ['N', 3 * 32 * 32]);
  writeFileSync(target, Buffer.concat(encodeModel(b.model())));
  return target;
}

/** The network in `source` with random weights (He et al. 2015, arXiv:1502.01852; biases zero): written to `target`. */
export async function untrained(source, target) {
  const { decodeModel, encodeModel, inFloat32, tensor } = await onnx();
  const model = inFloat32(decodeModel(readFileSync(source)));
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const initializers = new Map(
    [...model.graph.initializers].map(([name, t]) => {
      const [, ...inside] = t.dims;
      const deviation = Math.sqrt(2 / inside.reduce((a, d) => a * d, 1));
      const count = t.dims.reduce((a, d) => a * d, 1);
      const values = Float32Array.from({ length: count }, () => (t.dims.length > 1 ? deviation * normal() : 0));
      return [name, tensor(name, 'float32', t.dims, values)];
    }),
  );
  writeFileSync(target, Buffer.concat(encodeModel({ ...model, graph: { ...model.graph, initializers } })));
  return target;
}
