import { GraftError } from '../../../src/errors.js';
import { type Model, parameterLayers } from '../../../src/onnx/index.js';

export interface TrainedLayers {
  readonly names: readonly string[];
  /** `depth` 0 is the last layer before the head. */
  readonly parameters: readonly { readonly name: string; readonly depth: number }[];
  /** Whether a BatchNormalization is among them. */
  readonly batchNorm: boolean;
}

/** The last `wanted` layers of a trunk that have parameters. Throws `job-impossible` where there are not as many, or none. */
export function trainedLayers(trunk: Model, wanted: 'all' | number): TrainedLayers {
  const all = parameterLayers(trunk.graph);
  if (all.length === 0)
    throw new GraftError(
      'job-impossible',
      'The base has no layer below the cut whose numbers can be trained (quantised weights cannot). Use featureExtraction, or a base in float32.',
    );
  if (wanted !== 'all' && wanted > all.length)
    throw new GraftError(
      'job-impossible',
      `The base has ${all.length} layers with parameters below the cut; ${wanted} cannot be trained. Give layers from 1 to ${all.length}, or "all".`,
      { errors: [{ path: '/method/layers', code: 'value-impossible', detail: `At most ${all.length}.` }] },
    );
  const chosen = wanted === 'all' ? all : all.slice(-wanted);
  const producers = new Set(chosen.flatMap((layer) => layer.parameters));
  return {
    names: chosen.map((layer) => layer.name),
    parameters: chosen.flatMap((layer, i) => layer.parameters.map((name) => ({ name, depth: chosen.length - 1 - i }))),
    batchNorm: trunk.graph.nodes.some(
      (node) => node.opType === 'BatchNormalization' && node.inputs.some((name) => producers.has(name)),
    ),
  };
}
