import type { Precision } from '../../../src/domain/types.js';
import { type DataType, type Model, type Node, OnnxError } from '../../../src/onnx/index.js';
import { described, unknownOperator } from './describe-node.js';
import type { Device } from './device.js';
import { hostTensor } from './host.js';
import { type FindOperator, opOf } from './op.js';
import { type Plan, type Typed, withLastUses } from './plan.js';
import { lyingType, type Raw, recorder, type Value } from './recorder.js';

/**
 * Runs the graph node by node on what is fed, and writes down every kernel call on the way: the plan, which gives the same
 * for other numbers of the same sizes. What depends on constants only is computed here and kept. Answers the plan and the
 * results of this run by name, which are in float32 whatever `precision` is.
 */
export function trace(
  device: Device,
  model: Model,
  find: FindOperator,
  fed: ReadonlyMap<string, { readonly id: number; readonly type: DataType; readonly dims: readonly number[] }>,
  wanted: readonly string[],
  precision: Precision = 'float32',
): { readonly plan: Plan; readonly results: ReadonlyMap<string, Raw> } {
  const { graph } = model;
  const record = recorder(device, precision);
  const values = new Map<string, Value>();
  const bind = (name: string, v: Value): void => {
    values.set(name, v);
    record.hold(v);
  };

  const needed = neededNodes(graph.nodes, wanted);
  const readers = new Map<string, number>();
  for (const name of [...needed.flatMap((n) => n.inputs), ...wanted]) readers.set(name, (readers.get(name) ?? 0) + 1);
  const fedPlaces = new Map<string, number>();
  const tensors = new Map<number, Typed>();
  try {
    for (const [name, { id, type, dims }] of fed) {
      const r = record.lent(id, dims, type);
      fedPlaces.set(name, r.place);
      tensors.set(r.place, asItLies(r));
      bind(name, record.value(r));
    }
    for (const [name, t] of graph.initializers)
      if (readers.has(name) && !values.has(name)) bind(name, record.value(record.keep(hostTensor(t))));
    for (const node of needed) {
      run(node);
      for (const name of node.inputs) release(name);
      record.sweep();
    }
    record.within('results');
    const results = new Map<string, Raw>();
    const taken = new Set<number>();
    for (const name of wanted) {
      const v = values.get(name);
      if (!v) throw new OnnxError('unknown-tensor', `The graph has no tensor '${name}'.`);
      let r = record.whole(record.plain(v));
      // A result is its own tensor: what is fed, kept or given twice is handed out as a further handle.
      if (r.constant || !record.alive.has(r) || taken.has(r.place)) r = record.copy(r);
      taken.add(r.place);
      results.set(name, r);
    }
    const { steps, constants } = record;
    const kept = new Set<number>([...fedPlaces.values(), ...taken, ...constants.keys()]);
    record.dropUnused(taken);
    record.dropAlive(taken);
    withLastUses(steps, kept);
    for (const [place, r] of constants) tensors.set(place, asItLies(r));
    return {
      plan: {
        steps,
        places: record.places(),
        constants: new Map([...constants].map(([place, r]) => [place, r.id])),
        fed: fedPlaces,
        tensors,
        results: new Map([...results].map(([name, r]) => [name, r.place])),
        types: new Map([...results].map(([name, { type, dims }]) => [name, { type, dims }])),
      },
      results,
    };
  } catch (error) {
    record.dropAll();
    throw error;
  }

  function run(node: Node): void {
    const opset = model.opsets.get(node.domain) ?? 0;
    record.within(described(node, opset, values));
    const operator = find(node, opset);
    if (operator === null) throw unknownOperator(node, opset);
    const op = opOf(node, opset, values, device, record);
    const made = operator(op);
    const outputs: readonly Value[] = Array.isArray(made) ? (made as readonly Value[]) : [made as Value];
    node.outputs.forEach((name, i) => {
      if (name === '' || !readers.has(name)) return;
      const output = outputs[i];
      if (!output) throw op.unsupported(`has an output ${i} ('${name}') that is used`);
      bind(name, output);
    });
  }
  function release(name: string): void {
    const left = (readers.get(name) ?? 0) - 1;
    readers.set(name, left);
    if (left > 0) return;
    const v = values.get(name);
    // Another name of the same value may still be read.
    if (!v || [...values].some(([other, w]) => w === v && other !== name && (readers.get(other) ?? 0) > 0)) return;
    record.letGo(v);
    values.delete(name);
  }
}

const asItLies = (r: Raw): Typed => ({ type: lyingType(r), dims: r.dims });

/** The nodes that the wanted tensors need, in the graph's order. */
function neededNodes(nodes: readonly Node[], wanted: readonly string[]): readonly Node[] {
  const names = new Set(wanted);
  const found: Node[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => names.has(name))) continue;
    found.push(node);
    for (const name of node.inputs) names.add(name);
  }
  return found.reverse();
}
