import type { Attribute, Graph, Model, ModelFunction, Node } from '../types.js';
import { encodeEntry, encodeTensor } from './tensor.js';
import { encodeValueInfo } from './value-info.js';
import { type Writer, writer } from './writer.js';

/**
 * Writes a model as chunks: tensors' data are passed on by reference, not copied. Initializers are not repeated as
 * inputs, which IR versions below 4 demand; such models are written as IR 4 (8 where there are functions).
 */
export function encodeModel(model: Model): Uint8Array[] {
  const w = writer();
  w.varint(1, Math.max(model.irVersion, model.functions.length > 0 ? 8 : 4));
  if (model.producer.name) w.text(2, model.producer.name);
  if (model.producer.version) w.text(3, model.producer.version);
  if (model.domain) w.text(4, model.domain);
  if (model.modelVersion !== 0n) w.varint(5, model.modelVersion);
  w.message(7, (g) => encodeGraph(g, model.graph));
  for (const [domain, version] of model.opsets) encodeOpset(w, 8, domain, version);
  for (const [key, value] of model.metadata) encodeEntry(w, 14, key, value);
  for (const f of model.functions) w.message(25, (m) => encodeFunction(m, f));
  w.raw(model.extra);
  return w.chunks();
}

function encodeOpset(w: Writer, field: number, domain: string, version: number): void {
  w.message(field, (o) => {
    o.text(1, domain);
    o.varint(2, version);
  });
}

export function encodeGraph(w: Writer, graph: Graph): void {
  for (const node of graph.nodes) w.message(1, (n) => encodeNode(n, node));
  w.text(2, graph.name || 'graph');
  for (const tensor of graph.initializers.values()) w.message(5, (t) => encodeTensor(t, tensor));
  for (const input of graph.inputs) w.message(11, (v) => encodeValueInfo(v, input));
  for (const output of graph.outputs) w.message(12, (v) => encodeValueInfo(v, output));
  for (const info of graph.valueInfo.values()) w.message(13, (v) => encodeValueInfo(v, info));
  w.raw(graph.extra);
}

function encodeNode(w: Writer, node: Node): void {
  for (const input of node.inputs) w.text(1, input);
  for (const output of node.outputs) w.text(2, output);
  if (node.name) w.text(3, node.name);
  w.text(4, node.opType);
  for (const [name, attribute] of node.attributes) encodeAttribute(w, 5, name, attribute);
  if (node.domain) w.text(7, node.domain);
  w.raw(node.extra);
}

function encodeAttribute(w: Writer, field: number, name: string, a: Attribute): void {
  if (a.type === 'raw') {
    w.bytes(field, a.value);
    return;
  }
  w.message(field, (m) => {
    m.text(1, name);
    writeValue(m, a);
  });
}

function writeValue(m: Writer, a: Exclude<Attribute, { type: 'raw' }>): void {
  switch (a.type) {
    case 'float':
      m.float(2, a.value);
      m.varint(20, 1);
      break;
    case 'int':
      m.varint(3, a.value);
      m.varint(20, 2);
      break;
    case 'string':
      m.bytes(4, a.value);
      m.varint(20, 3);
      break;
    case 'tensor':
      m.message(5, (t) => encodeTensor(t, a.value));
      m.varint(20, 4);
      break;
    case 'graph':
      m.message(6, (g) => encodeGraph(g, a.value));
      m.varint(20, 5);
      break;
    case 'floats':
      m.packedFloats(7, a.value);
      m.varint(20, 6);
      break;
    case 'ints':
      m.packedInts(8, a.value);
      m.varint(20, 7);
      break;
    case 'strings':
      for (const s of a.value) m.bytes(9, s);
      m.varint(20, 8);
      break;
    case 'tensors':
      for (const tensor of a.value) m.message(10, (t) => encodeTensor(t, tensor));
      m.varint(20, 9);
      break;
    case 'graphs':
      for (const graph of a.value) m.message(11, (g) => encodeGraph(g, graph));
      m.varint(20, 10);
      break;
    case 'reference':
      m.text(21, a.value);
      m.varint(20, a.of);
  }
}

function encodeFunction(w: Writer, f: ModelFunction): void {
  w.text(1, f.name);
  for (const input of f.inputs) w.text(4, input);
  for (const output of f.outputs) w.text(5, output);
  for (const attribute of f.attributes) w.text(6, attribute);
  for (const node of f.nodes) w.message(7, (n) => encodeNode(n, node));
  for (const [domain, version] of f.opsets) encodeOpset(w, 9, domain, version);
  w.text(10, f.domain);
  for (const [name, attribute] of f.attributeDefaults) encodeAttribute(w, 11, name, attribute);
  if (f.overload) w.text(13, f.overload);
  w.raw(f.extra);
}
