import { GraftError } from '../../../src/errors.js';
import {
  type GraphBuilder,
  graphBuilder,
  type Model,
  type Node,
  type Shapes,
  tensor,
} from '../../../src/onnx/index.js';
import { random } from '../../../src/tasks/random.js';
import { drawsOf, PURPOSE } from '../../data/augment/draws.js';
import type { HostTensor } from '../../executors/executor.js';
import { type Branch, residualBranches } from './residuals.js';

/** Input of a pass: [examples, numbers], each 0 or 1 / (1 - rate). Drawn here, so that a resumed run draws the same. */
export const DROPOUT_MASK = 'dropout_mask';

export interface Dropout {
  /** Share of a text's or picture's features that the head does not see. */
  readonly rate: number;
  /** Share of what each block of the encoder adds that is left out, token by token. */
  readonly layers: number;
  readonly seed: number;
}
export interface DroppedModel {
  readonly model: Model;
  /** Numbers of an example's mask: one for each feature, and those of the branches. */
  readonly numbers: number;
}

/** The features that the head reads, and with `layers` each residual branch, multiplied by what the mask says of them. */
export function withDropout(network: Model, features: number, { layers }: Dropout, shapes: Shapes): DroppedModel {
  const branches = layers > 0 ? residualBranches(network, shapes) : [];
  if (layers > 0 && branches.length === 0) throw noBranches();
  const pools = branches.map(({ width }) => POOL * width);
  const numbers = pools.reduce((sum, size) => sum + size, features);
  const b = graphBuilder({ from: network, prefix: 'dropout/' });
  b.input(DROPOUT_MASK, 'float32', ['N', numbers]);
  const before = new Map<Node, readonly Node[]>();
  const instead = new Map<Node, Node>();
  const through = (node: Node, input: number, mask: readonly Node[], name: string): void => {
    const dropped = b.fresh('dropped');
    const mul = { name: dropped, opType: 'Mul', domain: '', inputs: [node.inputs[input]!, name], outputs: [dropped] };
    before.set(node, [...mask, { ...mul, attributes: new Map() }]);
    instead.set(node, { ...node, inputs: node.inputs.map((own, i) => (i === input ? dropped : own)) });
  };
  const taken = partOf(b);
  const head = network.graph.nodes.find((node) => node.outputs[0] === 'logits')!;
  const ofHead = layers > 0 ? taken(0, features) : { nodes: [], name: DROPOUT_MASK };
  through(head, 0, ofHead.nodes, ofHead.name);
  let from = features;
  for (const [i, branch] of branches.entries()) {
    const pool = taken(from, pools[i]!);
    const spread = gathered(b, pool.name, branch);
    through(branch.sum, branch.input, [...pool.nodes, spread], spread.outputs[0]!);
    from += pools[i]!;
  }
  const { graph, ...model } = b.model();
  const nodes = network.graph.nodes.flatMap((node) => [...(before.get(node) ?? []), instead.get(node) ?? node]);
  return { model: { ...model, graph: { ...graph, nodes } }, numbers };
}

/** Numbers of the mask from one on. */
function partOf(b: GraphBuilder) {
  return (from: number, size: number): { readonly nodes: readonly Node[]; readonly name: string } => {
    const name = b.fresh('numbers');
    const whole = (value: number) => b.constant(tensor('', 'int64', [1], [value]));
    const inputs = [DROPOUT_MASK, whole(from), whole(from + size), whole(1)];
    return { name, nodes: [{ name, opType: 'Slice', domain: '', inputs, outputs: [name], attributes: new Map() }] };
  };
}

/**
 * A mask of its own for every token and feature would be as large as all that the branches add. So each example has a few
 * thousand numbers for each branch, drawn anew in each step, and a table that never changes says which of them counts where:
 * any place is left out at the rate, and places seldom together.
 */
const POOL = 4;

function gathered(b: GraphBuilder, pool: string, { tokens, width }: Branch): Node {
  const next = random(width);
  const places = Int32Array.from({ length: tokens * width }, () => Math.floor(next() * POOL * width));
  const table = {
    name: 'places',
    dataType: 'int32',
    dims: [tokens, width],
    data: new Uint8Array(places.buffer),
  } as const;
  const name = b.fresh('mask');
  const inputs = [pool, b.constant(table)];
  const axis = { type: 'int', value: 1n } as const;
  return { name, opType: 'Gather', domain: '', inputs, outputs: [name], attributes: new Map([['axis', axis]]) };
}

function noBranches(): GraftError {
  const detail =
    'The base has no residual branches of tokens that a layer normalisation follows, so nothing in its layers can be left out. Leave layerDropout out; dropout is before the head.';
  return new GraftError('job-impossible', detail, {
    errors: [{ path: '/hyperparameters/layerDropout', code: 'value-impossible', detail: 'No branches to drop.' }],
  });
}

/**
 * The mask of `rows` examples from the `first` of a step's batch on, those of `features` first; the same for the same step.
 * @param dims rows, and numbers of each.
 */
export function dropoutMask(
  { rate, layers, features, seed }: Dropout & { readonly features: number },
  step: number,
  first: number,
  dims: readonly [rows: number, numbers: number],
): HostTensor {
  const [rows, numbers] = dims;
  const data = new Float32Array(rows * numbers);
  for (let row = 0; row < rows; row++) {
    const next = drawsOf(seed, step, first + row, PURPOSE.dropout);
    for (let i = 0; i < numbers; i++) {
      const share = i < features ? rate : layers;
      data[row * numbers + i] = share > 0 && next() < share ? 0 : 1 / (1 - share);
    }
  }
  return { dataType: 'float32', dims, data };
}
