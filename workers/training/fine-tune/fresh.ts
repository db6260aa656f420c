import { elements, type Model, parameterLayers, type Tensor, withInitializers } from '../../../src/onnx/index.js';
import { random } from '../../../src/tasks/random.js';

/**
 * The same network with weights that know nothing: matrices and kernels normal with variance 2 / fan-in (He et al. 2015,
 * arXiv 1502.01852), what scales a normalised value 1, biases and running means 0, running variances 1.
 */
export function freshWeights(model: Model, seed: number): Model {
  const { graph } = model;
  const ones = new Set<string>();
  const zeros = new Set<string>();
  const statistics: string[] = [];
  for (const node of graph.nodes) {
    // Normalisation spelled out, and scales of layers.
    if (node.opType === 'Mul') for (const name of node.inputs) if (graph.initializers.has(name)) ones.add(name);
    if (!/Normalization$/.test(node.opType)) continue;
    const [, scale, bias, mean, variance] = node.inputs;
    if (scale) ones.add(scale);
    if (bias) zeros.add(bias);
    if (node.opType !== 'BatchNormalization') continue;
    if (mean) zeros.add(mean);
    if (variance) ones.add(variance);
    statistics.push(...[mean, variance].filter((name) => name !== undefined));
  }
  const columns = new Set(
    graph.nodes
      .filter((n) => n.opType === 'MatMul' || (n.opType === 'Gemm' && !n.attributes.has('transB')))
      .flatMap((n) => n.inputs.slice(1, 2)),
  );
  const trained = parameterLayers(graph).flatMap((layer) => layer.parameters);
  const names = new Set([...trained, ...statistics]);
  const changed = new Map<string, Tensor>();
  let drawn = 0;
  for (const name of names) {
    const old = graph.initializers.get(name);
    if (old?.dataType !== 'float32') continue;
    const n = elements(old.dims);
    const data = new Float32Array(n);
    if (ones.has(name)) data.fill(1);
    else if (!zeros.has(name) && old.dims.length > 1) {
      const fanIn = columns.has(name) ? old.dims[0]! : n / old.dims[0]!;
      normals(data, random(seed * 9973 + ++drawn), Math.sqrt(2 / fanIn));
    }
    changed.set(name, { name, dataType: 'float32', dims: old.dims, data: new Uint8Array(data.buffer) });
  }
  return withInitializers(model, changed);
}

/** Box and Muller's pairs. */
function normals(into: Float32Array, next: () => number, deviation: number): void {
  for (let i = 0; i < into.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    into[i] = radius * Math.cos(angle);
    if (i + 1 < into.length) into[i + 1] = radius * Math.sin(angle);
  }
}
