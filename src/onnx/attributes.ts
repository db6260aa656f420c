import { OnnxError } from './error.js';
import type { Attribute, Node, Tensor } from './types.js';

/** What a caller may write: whole numbers are ints, `float(x)` is a float, text is a string. */
export type AttributeValue = number | readonly number[] | string | Tensor | Attribute;

export const float = (value: number): Attribute => ({ type: 'float', value });

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function attribute(value: AttributeValue): Attribute {
  if (typeof value === 'number') return { type: 'int', value: BigInt(value) };
  if (typeof value === 'string') return { type: 'string', value: encoder.encode(value) };
  if (Array.isArray(value)) return { type: 'ints', value: value.map((v) => BigInt(v as number)) };
  const given = value as Tensor | Attribute;
  return 'type' in given ? given : { type: 'tensor', value: given };
}

export const attributes = (values: Readonly<Record<string, AttributeValue>>): ReadonlyMap<string, Attribute> =>
  new Map(Object.entries(values).map(([name, value]) => [name, attribute(value)]));

function wrong(node: Node, name: string, wanted: string, found: string): OnnxError {
  return new OnnxError(
    'malformed',
    `The attribute '${name}' of ${node.opType} '${node.name}' is ${found}, not ${wanted}.`,
  );
}

/** An int attribute; saturates where it exceeds what a number holds (INT64_MAX means "to the end"). */
export function intAttribute(node: Node, name: string, otherwise: number): number {
  const a = node.attributes.get(name);
  if (!a) return otherwise;
  if (a.type !== 'int') throw wrong(node, name, 'an int', a.type);
  return Number(a.value);
}
export function intsAttribute(node: Node, name: string): readonly number[] | null {
  const a = node.attributes.get(name);
  if (!a) return null;
  if (a.type !== 'ints') throw wrong(node, name, 'ints', a.type);
  return a.value.map(Number);
}
export function floatAttribute(node: Node, name: string, otherwise: number): number {
  const a = node.attributes.get(name);
  if (!a) return otherwise;
  if (a.type !== 'float') throw wrong(node, name, 'a float', a.type);
  return a.value;
}
export function floatsAttribute(node: Node, name: string): readonly number[] | null {
  const a = node.attributes.get(name);
  if (!a) return null;
  if (a.type !== 'floats') throw wrong(node, name, 'floats', a.type);
  return a.value;
}
export function stringAttribute(node: Node, name: string, otherwise: string): string {
  const a = node.attributes.get(name);
  if (!a) return otherwise;
  if (a.type !== 'string') throw wrong(node, name, 'a string', a.type);
  return decoder.decode(a.value);
}
export function stringsAttribute(node: Node, name: string): readonly string[] | null {
  const a = node.attributes.get(name);
  if (!a) return null;
  if (a.type !== 'strings') throw wrong(node, name, 'strings', a.type);
  return a.value.map((text) => decoder.decode(text));
}
