import { type GraphBuilder, graphBuilder } from '../builder.js';
import { reshape, slice, unsqueeze } from '../emit.js';
import type { DataType } from '../types.js';
import { range } from './axes.js';

/** A tensor; of a sequence, `dims` are one step's, without the time axis in front. */
export interface Sized {
  readonly name: string;
  readonly dims: readonly number[];
}
export interface Recurrence {
  readonly type: DataType;
  readonly steps: number;
  /** Whether time runs from the last step to the first. */
  readonly backwards: boolean;
  /** [steps, ...dims] each. */
  readonly sequences: readonly Sized[];
  readonly states: readonly Sized[];
  /** Sizes of what every step gives out. */
  readonly outputs: readonly (readonly number[])[];
  /** One step, emitted into `b`; it may read tensors of the graph around it. */
  step(
    b: GraphBuilder,
    now: readonly string[],
    states: readonly string[],
  ): { readonly states: readonly string[]; readonly outputs: readonly string[] };
}
export interface Recurred {
  readonly states: readonly string[];
  /** [steps, ...dims] each, in the order of the sequences. */
  readonly outputs: readonly string[];
}

/** A loop over time: a Scan from opset 9 on, before it one copy of the step after the other. */
export const recur = (b: GraphBuilder, r: Recurrence): Recurred => (b.opset >= 9 ? scanned(b, r) : unrolled(b, r));

function scanned(b: GraphBuilder, r: Recurrence): Recurred {
  const prefix = `${b.fresh('step')}/`;
  const body = graphBuilder({ opset: b.opset, prefix });
  const states = r.states.map((s, i) => body.input(`${prefix}state${i}`, r.type, s.dims));
  const now = r.sequences.map((s, i) => body.input(`${prefix}now${i}`, r.type, s.dims));
  const result = r.step(body, now, states);
  const given = [...result.states, ...result.outputs];
  const sizes = [...r.states.map((s) => s.dims), ...r.outputs];
  // What a body gives out must be its own: neither an input nor a tensor from around it.
  given.forEach((name, i) => {
    body.output(body.op('Identity', [name]), r.type, sizes[i] as readonly number[]);
  });
  const way = (count: number): readonly number[] => range(count).map(() => (r.backwards ? 1 : 0));
  const found = b.ops(
    'Scan',
    [...r.states.map((s) => s.name), ...r.sequences.map((s) => s.name)],
    {
      body: { type: 'graph', value: body.model().graph },
      num_scan_inputs: r.sequences.length,
      scan_input_directions: way(r.sequences.length),
      scan_output_directions: way(r.outputs.length),
    },
    { outputs: given.length },
  );
  return { states: found.slice(0, r.states.length), outputs: found.slice(r.states.length) };
}

function unrolled(b: GraphBuilder, r: Recurrence): Recurred {
  const order = r.backwards ? [...range(r.steps)].reverse() : range(r.steps);
  let states = r.states.map((s) => s.name);
  const collected: (readonly string[])[] = new Array(r.steps);
  for (const t of order) {
    const now = r.sequences.map((s) => reshape(b, slice(b, s.name, { starts: [t], ends: [t + 1], axes: [0] }), s.dims));
    const result = r.step(b, now, states);
    states = [...result.states];
    collected[t] = result.outputs;
  }
  const outputs = r.outputs.map((_, i) =>
    b.op(
      'Concat',
      collected.map((step) => unsqueeze(b, step[i] as string, [0])),
      { axis: 0 },
    ),
  );
  return { states, outputs };
}
