import { constant, cutMany, graphBuilder, type Model, reduceSum, tensor } from '../../../src/onnx/index.js';
import type { Executor, Feeds, State } from '../../executors/executor.js';

const PROBES = 'probes';

/** Float tensors to look at, in the order in which a pass makes them. */
export interface Watched {
  readonly forward: readonly string[];
  /** Their squares go into the norm, and must be finite too. */
  readonly gradients: readonly string[];
}

/**
 * Runs passes of a training graph again and answers the first of the watched tensors that holds a number that is not
 * finite, in the first pass that has one; null where all are. Nothing of `state` changes. One number per tensor is brought
 * back: the sum of its elements times zero, which is zero just when all are finite.
 */
export async function firstNotFinite(
  executor: Executor,
  pass: Model,
  watched: Watched,
  state: State,
  passes: Iterable<Feeds>,
): Promise<string | null> {
  const made = new Set(pass.graph.nodes.flatMap((node) => node.outputs));
  const there = (list: readonly string[]) => [...new Set(list)].filter((name) => made.has(name));
  const [forward, gradients] = [there(watched.forward), there(watched.gradients)];
  const names = [...forward, ...gradients];
  const program = await executor.compile(probed(pass, forward, gradients), { training: true });
  try {
    for (const feeds of passes) {
      const { [PROBES]: probes } = await program.run(feeds, [PROBES], state);
      const bad = (probes!.data as Float32Array).findIndex((x) => x !== 0);
      if (bad >= 0) return names[bad]!;
    }
    return null;
  } finally {
    await program.dispose();
  }
}

function probed(pass: Model, forward: readonly string[], gradients: readonly string[]): Model {
  const b = graphBuilder({ from: pass, prefix: 'probe/', keepOutputs: [] });
  const [zero, flat] = [constant(b, 'float32', 0), b.constant(tensor('', 'int64', [1], [-1]))];
  const sum = (name: string) => {
    const vanished = b.op('Reshape', [b.op('Mul', [name, zero]), flat]);
    return reduceSum(b, vanished, [0], true);
  };
  const sums = [...forward.map(sum), ...gradients.map((name) => sum(b.op('Mul', [name, name])))];
  b.output(b.op('Concat', sums, { axis: 0 }, { outputs: [PROBES] }), 'float32', [sums.length]);
  // Without what only the step itself is made of, and its inputs.
  return cutMany(b.model(), [PROBES]);
}
