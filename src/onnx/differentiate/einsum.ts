import { stringAttribute } from '../attributes.js';
import { expand, reshape } from '../emit.js';
import { OnnxError } from '../error.js';
import { NEWEST_OPSET } from '../opsets.js';
import { elements, tensor } from '../tensor.js';
import { range } from './axes.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'];

interface Terms {
  /** One letter per dimension, for each input and for the output. */
  readonly inputs: readonly string[];
  readonly output: string;
}

/** The equation with a letter for every dimension: spaces go, ellipses and an implied output are written out. */
function terms(c: RuleContext): Terms {
  const equation = stringAttribute(c.node, 'equation', '').replaceAll(' ', '');
  const [left, right] = equation.split('->') as [string, string | undefined];
  const parts = left.split(',');
  if (parts.length !== c.node.inputs.length)
    throw new OnnxError(
      'malformed',
      `Einsum '${c.node.name}' has ${c.node.inputs.length} inputs, its equation '${equation}' ${parts.length}.`,
    );
  const free = LETTERS.filter((letter) => !equation.includes(letter));
  const dotted = parts.map((part, i) => (part.includes('...') ? c.dims(i).length - (part.length - 3) : 0));
  const batch = free.slice(0, Math.max(...dotted)).join('');
  const inputs = parts.map((part, i) => part.replace('...', batch.slice(batch.length - (dotted[i] as number))));
  const counts = (letter: string): number => [...left].filter((l) => l === letter).length;
  const implied =
    batch +
    [...LETTERS]
      .sort()
      .filter((letter) => counts(letter) === 1)
      .join('');
  return { inputs, output: right === undefined ? implied : right.replace('...', batch) };
}

/**
 * The gradient by an input is another Einsum: of the output's gradient and the other inputs, with that input's letters. Letters
 * that only this input has were summed and are stretched again; where it was broadcast, the gradient is summed; what a
 * letter written twice (a diagonal) does not see gets zeros.
 */
const einsum: Rule = (c) => {
  const { inputs, output } = terms(c);
  const { b } = c;
  const size = (letter: string): number =>
    Math.max(...inputs.map((part, i) => c.dims(i)[part.indexOf(letter)] ?? 0).filter((d) => d > 0));
  return inputs.map((own, i) => () => {
    const type = c.type(i);
    const others = inputs.filter((_, k) => k !== i);
    const names = c.node.inputs.filter((_, k) => k !== i);
    const letters = [...new Set(own)];
    const dims = letters.map((letter) => c.dims(i)[own.indexOf(letter)] as number);
    const given = (letter: string, at: number): boolean =>
      dims[at] === size(letter) && (output.includes(letter) || others.some((part) => part.includes(letter)));
    const kept = letters.filter(given);
    const equation = `${[output, ...others].join(',')}->${kept.join('')}`;
    const reached = dims.map((d, at) => (given(letters[at] as string, at) ? d : 1));
    let gradient = reshape(b, b.op('Einsum', [c.dy, ...names], { equation }), reached);
    gradient = expand(b, gradient, type, reached, dims);
    if (letters.length === own.length) return gradient;
    const first = [...own].map((letter, at) => (own.indexOf(letter) === at ? (c.dims(i)[at] as number) : 1));
    const repeats = [...own].map((letter) => own.indexOf(letter) !== own.lastIndexOf(letter));
    const masked = c.dims(i).map((d, at) => (repeats[at] ? d : 1));
    const places = range(elements(masked)).map((flat) => position(flat, masked));
    const same = places.map((p) => ([...own].every((letter, at) => p[at] === p[own.indexOf(letter)]) ? 1 : 0));
    const mask = b.constant(tensor('', type === 'float64' ? 'float64' : 'float32', masked, same));
    return b.op('Mul', [reshape(b, gradient, first), mask]);
  });
};

/** Index per axis of an element in row-major order. */
function position(flat: number, dims: readonly number[]): readonly number[] {
  return dims.map((d, i) => Math.floor(flat / elements(dims.slice(i + 1))) % d);
}

export const einsumRules: readonly RuleLine[] = [['Einsum', 12, NEWEST_OPSET, einsum]];
