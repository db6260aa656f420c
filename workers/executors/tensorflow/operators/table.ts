import type { FindOperator } from '../op.js';
import { activationOperators } from './activation.js';
import { convolutionOperators } from './convolution.js';
import { elementwiseOperators } from './elementwise.js';
import { gradientOperators } from './gradient.js';
import { indexingOperators } from './indexing.js';
import type { OperatorLine } from './line.js';
import { linearOperators } from './linear.js';
import { normalisationOperators } from './normalisation.js';
import { poolingOperators } from './pooling.js';
import { reductionOperators } from './reduction.js';
import { resampleOperators } from './resample.js';
import { shapeOperators } from './shape.js';

const FAMILIES = [
  activationOperators,
  convolutionOperators,
  elementwiseOperators,
  gradientOperators,
  indexingOperators,
  linearOperators,
  normalisationOperators,
  poolingOperators,
  reductionOperators,
  resampleOperators,
  shapeOperators,
];

export const operatorLines = (): readonly OperatorLine[] => FAMILIES.flat();

/** Every operator that the engine runs, by name and version. Throws a RangeError where two ranges of one meet. */
export function operatorTable(): FindOperator {
  const table = new Map<string, OperatorLine[]>();
  for (const line of FAMILIES.flat()) {
    const [name, from, to] = line;
    const list = table.get(name) ?? [];
    if (from > to || list.some(([, a, b]) => from <= b && to >= a))
      throw new RangeError(`${name} for opsets ${from} to ${to} is in the table twice.`);
    table.set(name, [...list, line]);
  }
  return (node, opset) => {
    const lines = table.get(node.domain === '' ? node.opType : `${node.domain}:${node.opType}`);
    return lines?.find(([, from, to]) => opset >= from && opset <= to)?.[3] ?? null;
  };
}
