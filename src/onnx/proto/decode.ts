import { OnnxError } from '../error.js';
import { ordered } from '../order.js';
import type { Attribute, Graph, Model, ModelFunction, Node, Tensor, ValueInfo } from '../types.js';
import { type Budget, budget, count, fields, fixed, int, ints, message, spend, text } from './reader.js';
import { decodeEntry, readTensor } from './tensor.js';
import { decodeValueInfo } from './value-info.js';

/** Bodies of control flow nest; deeper than this is an attack on the stack, not a model. */
const MAX_DEPTH = 24;
interface Place {
  readonly depth: number;
  readonly budget: Budget;
}

/**
 * Reads a model. Large tensors are views onto `bytes`, which must not change afterwards.
 * Throws OnnxError `truncated`, `malformed`, `unsupported-type`, `cyclic`, or `not-onnx` where nothing of a model is found.
 */
export function decodeModel(bytes: Uint8Array): Model {
  const at: Place = { depth: 0, budget: budget() };
  let irVersion = 0;
  let graph: Graph | undefined;
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  const functions: ModelFunction[] = [];
  const producer = { name: '', version: '' };
  let domain = '';
  let modelVersion = 0n;
  const extra: Uint8Array[] = [];
  for (const f of fields(bytes, at.budget)) {
    if (f.number === 1) irVersion = count(bytes, f, 'ir_version');
    else if (f.number === 2) producer.name = text(bytes, f, 'producer_name');
    else if (f.number === 3) producer.version = text(bytes, f, 'producer_version');
    else if (f.number === 4) domain = text(bytes, f, 'domain');
    else if (f.number === 5) modelVersion = int(bytes, f, 'model_version');
    else if (f.number === 7) graph = decodeGraph(message(bytes, f, 'graph'), at);
    else if (f.number === 8) decodeOpset(message(bytes, f, 'opset_import'), opsets, at);
    else if (f.number === 14) metadata.set(...decodeEntry(message(bytes, f, 'metadata_props'), at.budget));
    else if (f.number === 25) functions.push(decodeFunction(message(bytes, f, 'functions'), inside(at)));
    else extra.push(bytes.subarray(f.tagAt, f.end));
  }
  if (!graph) throw new OnnxError('not-onnx', 'The file holds no ONNX graph.');
  // Before IR 3 there was no opset_import; such files mean version 1.
  if (opsets.size === 0) opsets.set('', 1);
  return { irVersion, opsets, graph, metadata, functions, producer, domain, modelVersion, ...kept(extra) };
}

const kept = (extra: readonly Uint8Array[]): { extra?: readonly Uint8Array[] } => (extra.length > 0 ? { extra } : {});

function decodeOpset(bytes: Uint8Array, into: Map<string, number>, at: Place): void {
  let domain = '';
  let version = 0;
  for (const f of fields(bytes, at.budget)) {
    if (f.number === 1) domain = text(bytes, f, 'domain of an opset');
    else if (f.number === 2) version = count(bytes, f, 'version of an opset');
  }
  into.set(domain === 'ai.onnx' ? '' : domain, version);
}

const inside = (at: Place): Place => ({ ...at, depth: at.depth + 1 });

function decodeGraph(bytes: Uint8Array, at: Place): Graph {
  if (at.depth > MAX_DEPTH) throw new OnnxError('malformed', `Graphs are nested more than ${MAX_DEPTH} deep.`);
  let name = '';
  const nodes: Node[] = [];
  const stated: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const initializers = new Map<string, Tensor>();
  const valueInfo = new Map<string, ValueInfo>();
  const extra: Uint8Array[] = [];
  for (const f of fields(bytes, at.budget)) {
    if (f.number === 1) nodes.push(decodeNode(message(bytes, f, 'node'), at));
    else if (f.number === 2) name = text(bytes, f, 'name of a graph');
    else if (f.number === 5) {
      const tensor = readTensor(message(bytes, f, 'initializer'), at.budget);
      if (initializers.has(tensor.name))
        throw new OnnxError('malformed', `The initializer '${tensor.name}' is there twice.`);
      initializers.set(tensor.name, tensor);
    } else if (f.number === 11) stated.push(decodeValueInfo(message(bytes, f, 'input'), at.budget));
    else if (f.number === 12) outputs.push(decodeValueInfo(message(bytes, f, 'output'), at.budget));
    else if (f.number === 13) {
      const info = decodeValueInfo(message(bytes, f, 'value_info'), at.budget);
      valueInfo.set(info.name, info);
    } else extra.push(bytes.subarray(f.tagAt, f.end));
  }
  const inputs = stated.filter((input) => !initializers.has(input.name));
  return { name, inputs, outputs, nodes: ordered(nodes), initializers, valueInfo, ...kept(extra) };
}

function decodeNode(bytes: Uint8Array, at: Place): Node {
  const inputs: string[] = [];
  const outputs: string[] = [];
  let name = '';
  let opType = '';
  let domain = '';
  const attributes = new Map<string, Attribute>();
  const extra: Uint8Array[] = [];
  for (const f of fields(bytes, at.budget)) {
    if (f.number === 1) inputs.push(text(bytes, f, 'input of a node'));
    else if (f.number === 2) outputs.push(text(bytes, f, 'output of a node'));
    else if (f.number === 3) name = text(bytes, f, 'name of a node');
    else if (f.number === 4) opType = text(bytes, f, 'op_type of a node');
    else if (f.number === 5) attributes.set(...decodeAttribute(message(bytes, f, 'attribute'), at));
    else if (f.number === 7) domain = text(bytes, f, 'domain of a node');
    else extra.push(bytes.subarray(f.tagAt, f.end));
  }
  if (opType === '') throw new OnnxError('malformed', `A node${name && ` ('${name}')`} has no operator.`);
  return { opType, domain: domain === 'ai.onnx' ? '' : domain, name, inputs, outputs, attributes, ...kept(extra) };
}

/** AttributeProto.type; files older than IR 2 leave it out, then the field that is there decides. */
function decodeAttribute(bytes: Uint8Array, at: Place): [string, Attribute] {
  let name = '';
  let type = 0;
  let reference = '';
  let single: Attribute | undefined;
  const floats: number[] = [];
  const integers: bigint[] = [];
  const strings: Uint8Array[] = [];
  const tensors: Tensor[] = [];
  const graphs: Graph[] = [];
  let opaque = false;
  for (const f of fields(bytes, at.budget)) {
    if (f.number === 1) name = text(bytes, f, 'name of an attribute');
    else if (f.number === 2) single = { type: 'float', value: float32(fixed(bytes, f, 4, 'float attribute'))[0] ?? 0 };
    else if (f.number === 3) single = { type: 'int', value: int(bytes, f, 'int attribute') };
    else if (f.number === 4) single = { type: 'string', value: message(bytes, f, 'string attribute') };
    else if (f.number === 5)
      single = { type: 'tensor', value: readTensor(message(bytes, f, 'tensor attribute'), at.budget) };
    else if (f.number === 6)
      single = { type: 'graph', value: decodeGraph(message(bytes, f, 'graph attribute'), inside(at)) };
    else if (f.number === 7) {
      spend(at.budget, f.end - f.start);
      for (const x of float32(fixed(bytes, f, 4, 'floats attribute'))) floats.push(x);
    } else if (f.number === 8) ints(bytes, f, integers, 'ints attribute', at.budget);
    else if (f.number === 9) strings.push(message(bytes, f, 'strings attribute'));
    else if (f.number === 10) tensors.push(readTensor(message(bytes, f, 'tensors attribute'), at.budget));
    else if (f.number === 11) graphs.push(decodeGraph(message(bytes, f, 'graphs attribute'), inside(at)));
    else if (f.number === 20) type = count(bytes, f, 'type of an attribute');
    else if (f.number === 21) reference = text(bytes, f, 'ref_attr_name');
    else if (f.number !== 13) opaque = true;
  }
  if (reference !== '') return [name, { type: 'reference', value: reference, of: type }];
  if (type === 6 || (type === 0 && floats.length > 0)) return [name, { type: 'floats', value: floats }];
  if (type === 7 || (type === 0 && integers.length > 0)) return [name, { type: 'ints', value: integers }];
  if (type === 8 || (type === 0 && strings.length > 0)) return [name, { type: 'strings', value: strings }];
  if (type === 9 || (type === 0 && tensors.length > 0)) return [name, { type: 'tensors', value: tensors }];
  if (type === 10 || (type === 0 && graphs.length > 0)) return [name, { type: 'graphs', value: graphs }];
  if (type > 10 || opaque) return [name, { type: 'raw', value: bytes }];
  // A zero value may be left off the wire.
  if (!single && type === 1) single = { type: 'float', value: 0 };
  if (!single && type === 2) single = { type: 'int', value: 0n };
  if (!single && type === 3) single = { type: 'string', value: new Uint8Array(0) };
  if (!single) throw new OnnxError('malformed', `The attribute '${name}' has no value.`);
  return [name, single];
}

function float32(bytes: Uint8Array): number[] {
  const d = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, i) => d.getFloat32(i * 4, true));
}

function decodeFunction(bytes: Uint8Array, at: Place): ModelFunction {
  let name = '';
  let domain = '';
  let overload = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: string[] = [];
  const attributeDefaults = new Map<string, Attribute>();
  const nodes: Node[] = [];
  const opsets = new Map<string, number>();
  const extra: Uint8Array[] = [];
  for (const f of fields(bytes, at.budget)) {
    if (f.number === 1) name = text(bytes, f, 'name of a function');
    else if (f.number === 4) inputs.push(text(bytes, f, 'input of a function'));
    else if (f.number === 5) outputs.push(text(bytes, f, 'output of a function'));
    else if (f.number === 6) attributes.push(text(bytes, f, 'attribute of a function'));
    else if (f.number === 7) nodes.push(decodeNode(message(bytes, f, 'node'), at));
    else if (f.number === 9) decodeOpset(message(bytes, f, 'opset_import'), opsets, at);
    else if (f.number === 10) domain = text(bytes, f, 'domain of a function');
    else if (f.number === 11) attributeDefaults.set(...decodeAttribute(message(bytes, f, 'attribute_proto'), at));
    else if (f.number === 13) overload = text(bytes, f, 'overload of a function');
    else extra.push(bytes.subarray(f.tagAt, f.end));
  }
  return {
    name,
    domain,
    overload,
    inputs,
    outputs,
    attributes,
    attributeDefaults,
    nodes: ordered(nodes),
    opsets,
    ...kept(extra),
  };
}
