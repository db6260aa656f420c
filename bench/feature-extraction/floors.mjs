import { readFileSync, writeFileSync } from 'node:fs';

const onnx = () => import(new URL('../../dist/src/onnx/index.js', import.meta.url).href);

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
      // Constants of the graph are no weights.
      if (t.dims.length === 0) return [name, t];
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
