import type { GraphBuilder } from '../builder.js';
import { OnnxError } from '../error.js';
import type { DataType, Node } from '../types.js';

/**
 * What a rule sees of one node. Sizes are the measured ones. Input and output names are the forward graph's; whatever the
 * rule emits through `b` is appended to it.
 */
export interface RuleContext {
  readonly b: GraphBuilder;
  readonly node: Node;
  /** Version of the node's domain. */
  readonly opset: number;
  /** Name of an input; throws if it is left out. */
  x(i: number): string;
  has(i: number): boolean;
  dims(i: number): readonly number[];
  /** Type of an input. */
  type(i: number): DataType;
  /** Name and size of an output. */
  y(i?: number): string;
  yDims(i?: number): readonly number[];
  /** Gradient of the loss by output i; only the first output has one in most rules. */
  readonly dy: string;
  gradient(i: number): string | null;
  /** Numbers of an input that is a constant of the graph; throws `shape-unknown` otherwise. */
  constant(i: number): readonly number[];
  isConstant(i: number): boolean;
}

/** One entry per input: emits that input's gradient when called, or null where none flows (indices, sizes, conditions). */
export type Rule = (c: RuleContext) => readonly ((() => string) | null)[];

/** Operator, first and last opset of the closed range that the rule was written for and tested on. */
export type RuleLine = readonly [opType: string, from: number, to: number, rule: Rule];

export interface RuleEntry {
  readonly rule: Rule;
  readonly from: number;
  readonly to: number;
}

/** Operators by `domain:type`, each a list of closed, disjoint ranges of opsets. */
export interface RuleTable {
  add(opType: string, from: number, to: number, rule: Rule): void;
  find(node: Node, opset: number): Rule | null;
  supported(opType: string, domain: string, opset: number): boolean;
  operators(): readonly string[];
  /** The ranges of opsets for which an operator has a rule. */
  ranges(opType: string): readonly (readonly [from: number, to: number])[];
}

export function ruleTable(): RuleTable {
  const entries = new Map<string, RuleEntry[]>();
  const find = (key: string, opset: number): Rule | null =>
    entries.get(key)?.find((e) => opset >= e.from && opset <= e.to)?.rule ?? null;
  return {
    add(opType, from, to, rule) {
      const list = entries.get(opType) ?? [];
      const clash = list.find((e) => from <= e.to && to >= e.from);
      if (clash || from > to)
        throw new OnnxError(
          'invalid-argument',
          `The gradient of ${opType} for opsets ${from} to ${to} is registered twice.`,
        );
      entries.set(opType, [...list, { rule, from, to }]);
    },
    find: (node, opset) => find(node.domain === '' ? node.opType : `${node.domain}:${node.opType}`, opset),
    supported: (opType, domain, opset) => find(domain === '' ? opType : `${domain}:${opType}`, opset) !== null,
    operators: () => [...entries.keys()].sort(),
    ranges: (opType) => (entries.get(opType) ?? []).map(({ from, to }) => [from, to] as const),
  };
}
