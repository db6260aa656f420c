import { type AttributeValue, attributes } from './attributes.js';
import { OnnxError } from './error.js';
import { names } from './graph.js';
import { elements } from './tensor.js';
import type { DataType, Model, ModelFunction, Node, Tensor, ValueInfo } from './types.js';

export interface OpOptions {
  readonly domain?: string;
  /** Names of the outputs, or how many fresh ones; default one fresh. */
  readonly outputs?: readonly string[] | number;
  readonly name?: string;
}

/**
 * Emits a graph node by node; tensors are named by strings. With `from`, adds to an existing model (which stays as it is).
 * Fresh names start with `prefix` and never meet a name in use.
 */
export interface GraphBuilder {
  readonly opset: number;
  input(name: string, dataType: DataType, shape: readonly (number | string)[]): string;
  /** A named initializer; the name must be free. */
  initializer(name: string, tensor: Tensor): string;
  /** An initializer of no particular name; equal small ones are one. */
  constant(tensor: Tensor): string;
  /** Returns the first output's name. */
  op(
    opType: string,
    inputs: readonly string[],
    attrs?: Readonly<Record<string, AttributeValue>>,
    o?: OpOptions,
  ): string;
  /** Returns all outputs' names. */
  ops(
    opType: string,
    inputs: readonly string[],
    attrs: Readonly<Record<string, AttributeValue>>,
    o: OpOptions,
  ): readonly string[];
  /** A node as it is; the names of its outputs must be free. */
  node(node: Node): void;
  output(name: string, dataType: DataType, shape: readonly (number | string)[] | null): string;
  /** Adds a model-local function once; a second of the same domain and name must be the same object. */
  function(f: ModelFunction): void;
  /** A name that nothing uses yet; it is reserved. */
  fresh(stem: string): string;
  model(): Model;
}

const PRODUCER = { name: 'graft', version: '' };
/** IR version that first allows the opset: onnx/docs/Versioning.md; 8 brings functions, 10 opset 21. */
const irFor = (opset: number): number => (opset >= 23 ? 11 : opset >= 21 ? 10 : opset >= 20 ? 9 : opset >= 15 ? 8 : 7);

export function graphBuilder(
  o:
    | { opset: number; name?: string; prefix?: string }
    | { from: Model; prefix?: string; keepOutputs?: readonly string[] },
): GraphBuilder {
  const from = 'from' in o ? o.from : null;
  const opset = 'from' in o ? (o.from.opsets.get('') ?? 0) : o.opset;
  if (!Number.isInteger(opset) || opset < 1)
    throw new OnnxError(
      'invalid-argument',
      `A graph needs an opset of ai.onnx, a whole number from 1; this is ${opset}.`,
    );
  const prefix = o.prefix ?? '';
  const used = from ? names(from.graph) : new Set<string>();
  const inputs: ValueInfo[] = [...(from?.graph.inputs ?? [])];
  const keep = 'from' in o && o.keepOutputs ? new Set(o.keepOutputs) : null;
  const outputs: ValueInfo[] = (from?.graph.outputs ?? []).filter((v) => !keep || keep.has(v.name));
  const nodes: Node[] = [...(from?.graph.nodes ?? [])];
  const initializers = new Map<string, Tensor>(from?.graph.initializers ?? []);
  const functions: ModelFunction[] = [...(from?.functions ?? [])];
  const opsets = new Map<string, number>(from?.opsets ?? [['', opset]]);
  const nodeNames = new Set(nodes.map((node) => node.name));
  const constants = new Map<string, string>();
  const counters = new Map<string, number>();

  function take(name: string): string {
    if (name === '') throw new OnnxError('invalid-argument', 'A tensor needs a name.');
    if (used.has(name)) throw new OnnxError('invalid-argument', `The name '${name}' is used twice in one graph.`);
    used.add(name);
    return name;
  }
  /** Runtimes refuse two nodes of one name; no name is always allowed. */
  function nodeName(wanted: string): string {
    if (nodeNames.has(wanted)) return '';
    nodeNames.add(wanted);
    return wanted;
  }
  function fresh(stem: string): string {
    for (let n = counters.get(stem) ?? 0; ; n++) {
      const name = n === 0 ? `${prefix}${stem}` : `${prefix}${stem}_${n}`;
      counters.set(stem, n + 1);
      if (!used.has(name)) return take(name);
    }
  }
  const self: GraphBuilder = {
    opset,
    input(name, dataType, shape) {
      inputs.push({ name: take(name), dataType, shape });
      return name;
    },
    initializer(name, tensor) {
      initializers.set(take(name), { ...tensor, name });
      return name;
    },
    constant(tensor) {
      const small = tensor.data.length <= 64 && !tensor.strings;
      const key = `${tensor.dataType}[${tensor.dims}]${small ? tensor.data.join() : ''}`;
      const known = small ? constants.get(key) : undefined;
      if (known !== undefined) return known;
      const name = fresh(tensor.name || (elements(tensor.dims) === 1 ? 'scalar' : 'constant'));
      initializers.set(name, { ...tensor, name });
      if (small) constants.set(key, name);
      return name;
    },
    op: (opType, from_, attrs, options) => self.ops(opType, from_, attrs ?? {}, options ?? {})[0] as string,
    ops(opType, from_, attrs, options) {
      const wanted = options.outputs ?? 1;
      const stem = opType.toLowerCase();
      const outs =
        typeof wanted === 'number'
          ? Array.from({ length: wanted }, () => fresh(stem))
          : wanted.map((n) => (n === '' ? n : take(n)));
      nodes.push({
        opType,
        domain: options.domain ?? '',
        name: nodeName(options.name ?? outs.find((n) => n !== '') ?? ''),
        inputs: from_,
        outputs: outs,
        attributes: attributes(attrs),
      });
      return outs;
    },
    node(node) {
      for (const name of node.outputs) if (name !== '') take(name);
      nodes.push({ ...node, name: nodeName(node.name) });
    },
    output(name, dataType, shape) {
      if (!used.has(name)) throw new OnnxError('unknown-tensor', `The output '${name}' is not a tensor of the graph.`);
      if (!outputs.some((v) => v.name === name)) outputs.push({ name, dataType, shape });
      return name;
    },
    function(f) {
      const known = functions.find((g) => g.domain === f.domain && g.name === f.name);
      if (known === f) return;
      if (known) throw new OnnxError('invalid-argument', `There are two functions ${f.domain}:${f.name}.`);
      functions.push(f);
      if (!opsets.has(f.domain)) opsets.set(f.domain, 1);
    },
    fresh,
    model: () => ({
      ...(from ?? {
        irVersion: irFor(opset),
        metadata: new Map(),
        producer: PRODUCER,
        domain: '',
        modelVersion: 0n,
      }),
      opsets: new Map(opsets),
      functions: [...functions],
      graph: {
        ...(from?.graph ?? { name: 'name' in o && o.name ? o.name : 'graph', valueInfo: new Map() }),
        inputs: [...inputs],
        outputs: [...outputs],
        nodes: [...nodes],
        initializers: new Map(initializers),
      },
    }),
  };
  return self;
}
