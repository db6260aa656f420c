import {
  constant,
  GRADIENT_NORM,
  type GraphBuilder,
  graphBuilder,
  keepWhere,
  type Model,
  nextName,
  renameOutputs,
  type StateEntry,
} from '../../../src/onnx/index.js';
import type { StepGraphs } from './step.js';

/** Scalar of the state: 1 until a loss or a norm was not finite, 0 from then on. */
export const SOUND = 'sound';

/** The first opset that has `Where`, without which a value that is not finite cannot be left out. */
const FIRST_OPSET = 9;

/**
 * The step for a device that is handed the next steps before anyone has read the loss of this one. Once a loss or a norm is not
 * finite, neither this step nor a later one changes a parameter, a moment, an average or a running statistic, so the state
 * stays what the last good step made of it; sums of gradients change. The norm goes from the pass to the update by way of the
 * state. As it is where the graph's opset is older than 9.
 */
export function guardedStep(made: StepGraphs, statistics: readonly StateEntry[]): StepGraphs {
  if ((made.pass.opsets.get('') ?? 0) < FIRST_OPSET) return made;
  return {
    ...made,
    pass: guardedPass(made.pass, statistics),
    apply: selecting(made.apply, [...made.parameters, ...made.moments]),
    average: made.average === null ? null : selecting(made.average, made.averages),
    guards: [
      { input: SOUND, output: nextName(SOUND), dims: [] },
      { input: GRADIENT_NORM, output: nextName(GRADIENT_NORM), dims: [] },
    ],
  };
}

function guardedPass(pass: Model, statistics: readonly StateEntry[]): Model {
  const b = over(pass, statistics);
  const before = b.input(SOUND, 'float32', []);
  // A number less itself is 0, or no number where it is not finite.
  const told = b.op('Add', ['loss', GRADIENT_NORM]);
  const finite = b.op('Less', [b.op('Sub', [told, told]), constant(b, 'float32', 1)]);
  const sound = keepWhere(b, finite, before, 'float32');
  for (const [name, of] of [
    [SOUND, sound],
    [GRADIENT_NORM, GRADIENT_NORM],
  ] as const)
    b.output(b.op('Identity', [of], {}, { outputs: [nextName(name)] }), 'float32', []);
  select(b, sound, statistics);
  return b.model();
}

/** The graph, whose next values of `entries` are the last ones unless all was sound so far. */
function selecting(model: Model, entries: readonly StateEntry[]): Model {
  const b = over(model, entries);
  select(b, b.input(SOUND, 'float32', []), entries);
  return b.model();
}

const proposed = (output: string): string => `proposed(${output})`;

/** Builds on a graph whose outputs of `entries` have given their names up. */
function over(model: Model, entries: readonly StateEntry[]): GraphBuilder {
  const given = new Set(entries.map((e) => e.output));
  const from = renameOutputs(model, new Map([...given].map((output) => [output, proposed(output)])));
  const keepOutputs = model.graph.outputs.map((v) => v.name).filter((name) => !given.has(name));
  return graphBuilder({ from, prefix: 'guard/', keepOutputs });
}

function select(b: GraphBuilder, sound: string, entries: readonly StateEntry[]): void {
  const all = b.op('Greater', [sound, constant(b, 'float32', 0)]);
  for (const { input, output, dims } of entries)
    b.output(b.op('Where', [all, proposed(output), input], {}, { outputs: [output] }), 'float32', dims);
}
