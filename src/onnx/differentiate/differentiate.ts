import { type GraphBuilder, graphBuilder } from '../builder.js';
import { constant, zeros } from '../emit.js';
import { OnnxError } from '../error.js';
import { GRAFT_DOMAIN } from '../graft-domain.js';
import { constantNumbers, producers } from '../graph.js';
import { reads } from '../order.js';
import { elements } from '../tensor.js';
import type { DataType, Model, Node, Shapes, TensorShape } from '../types.js';
import { withReadOutputs } from './read-outputs.js';
import type { RuleContext, RuleTable } from './rule.js';
import { stop } from './stops.js';
import { standardRules } from './table.js';

export const gradientName = (parameter: string): string => `grad(${parameter})`;
const FLOATS: ReadonlySet<DataType> = new Set(['float32', 'float64', 'float16', 'bfloat16']);

/**
 * Reverse-mode differentiation (Griewank and Walther, Evaluating Derivatives, chapter 3) from graph to graph: the forward
 * graph as it is, with one more output per parameter, `grad(<parameter>)`, the derivative of the scalar `loss`, in the type
 * and size of the parameter. Parameters are initializers, inputs or any other float tensor. A parameter used several times
 * gets the sum; one that the loss does not depend on gets zeros. Sizes are static: those in `shapes` (see `measureShapes`).
 * Gradients for which engines have kernels of their own are operators of the domain `graft` (see `lowerGradients`).
 *
 * Throws `operator-not-differentiable` naming the operator, the node and the opset; `unknown-tensor`; `shape-unknown`;
 * `invalid-argument` where the loss is no float scalar or a parameter no float tensor.
 */
export function differentiate(
  given: Model,
  loss: string,
  parameters: readonly string[],
  shapes: Shapes,
  rules: RuleTable = standardRules(),
): Model {
  const { graph } = withReadOutputs(given);
  const model: Model = { ...given, graph };
  const shapeOf = (name: string): TensorShape => {
    const shape = shapes.get(name);
    if (!shape) throw new OnnxError('shape-unknown', `The size of the tensor '${name}' was not measured.`);
    return shape;
  };
  for (const name of [loss, ...parameters]) {
    if (!shapes.has(name))
      throw new OnnxError('unknown-tensor', `The graph has no tensor '${name}', or its size was not measured.`);
    if (!FLOATS.has(shapeOf(name).dataType))
      throw new OnnxError(
        'invalid-argument',
        `'${name}' is of type ${shapeOf(name).dataType}; only float tensors have derivatives.`,
      );
  }
  if (elements(shapeOf(loss).dims) !== 1)
    throw new OnnxError('invalid-argument', `The loss '${loss}' must be one number, not [${shapeOf(loss).dims}].`);

  const b = graphBuilder({ from: model, prefix: 'grad/' });
  const made = producers(graph);
  const moving = dependents(graph.nodes, parameters, shapes);
  const gradients = new Map<string, string[]>([[loss, [constant(b, shapeOf(loss).dataType, 1, shapeOf(loss).dims)]]]);
  /** The sum of what has arrived; complete once every reader was visited, which reverse order sees to. */
  const total = (name: string): string | null => {
    const parts = gradients.get(name);
    if (!parts) return null;
    const sum = parts.reduce((x, y) => b.op('Add', [x, y]));
    gradients.set(name, [sum]);
    return sum;
  };
  const opset = (domain: string): number => model.opsets.get(domain) ?? 0;
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => moving.has(name) && gradients.has(name))) continue;
    const rule = rules.find(node, opset(node.domain));
    if (!rule) throw notDifferentiable(node, opset(node.domain));
    const dy = node.outputs.map((name) => (name === '' ? null : total(name)));
    const context = ruleContext({
      b,
      node,
      opset: opset(node.domain),
      dy,
      shapeOf,
      constants: (name) => constantNumbers(graph, made, name),
    });
    const inputs = rule(context);
    node.inputs.forEach((name, i) => {
      if (name === '' || !moving.has(name)) return;
      const emit = inputs[i];
      if (emit === null) return;
      if (emit === undefined) throw notDifferentiable(node, opset(node.domain), ` by its input ${i}`);
      gradients.set(name, [...(gradients.get(name) ?? []), emit()]);
    });
    const ignored = node.outputs.findIndex((name, i) => i > 0 && dy[i] && moving.has(name) && !context.seen.has(i));
    if (ignored >= 0 && rule !== stop)
      throw notDifferentiable(node, opset(node.domain), ` by its output ${ignored}, which the loss reads`);
  }
  for (const parameter of new Set(parameters)) {
    const { dataType, dims } = shapeOf(parameter);
    const gradient = total(parameter) ?? zeros(b, dataType, dims);
    const output = b.op('Identity', [gradient], {}, { outputs: [gradientName(parameter)] });
    b.output(output, dataType, dims);
  }
  const whole = b.model();
  const own = whole.graph.nodes.some((node) => node.domain === GRAFT_DOMAIN);
  return own ? { ...whole, opsets: new Map([...whole.opsets, [GRAFT_DOMAIN, 1]]) } : whole;
}

function notDifferentiable(node: Node, opset: number, which = ''): OnnxError {
  const domain = node.domain === '' ? '' : `${node.domain}.`;
  return new OnnxError(
    'operator-not-differentiable',
    `${domain}${node.opType} (opset ${opset}, node '${node.name || node.outputs[0]}') has no gradient rule${which}; layers below it cannot be trained. Train layers above it, or cut there.`,
  );
}

/** Float tensors that change when a parameter does. */
function dependents(nodes: readonly Node[], parameters: readonly string[], shapes: Shapes): ReadonlySet<string> {
  const moving = new Set(parameters);
  for (const node of nodes) {
    if (!reads(node).some((name) => moving.has(name))) continue;
    for (const output of node.outputs) {
      const type = shapes.get(output)?.dataType;
      if (type && FLOATS.has(type)) moving.add(output);
    }
  }
  return moving;
}

function ruleContext(o: {
  b: GraphBuilder;
  node: Node;
  opset: number;
  dy: readonly (string | null)[];
  shapeOf: (name: string) => TensorShape;
  constants: (name: string) => readonly number[] | null;
}): RuleContext & { readonly seen: ReadonlySet<number> } {
  const { node } = o;
  const input = (i: number): string => {
    const name = node.inputs[i];
    if (!name) throw new OnnxError('malformed', `${node.opType} '${node.name}' has no input ${i}.`);
    return name;
  };
  const output = (i = 0): string => {
    const name = node.outputs[i];
    if (!name) throw new OnnxError('malformed', `${node.opType} '${node.name}' has no output ${i}.`);
    return name;
  };
  /** Outputs whose gradient the rule asked for. */
  const seen = new Set<number>();
  return {
    seen,
    b: o.b,
    node,
    opset: o.opset,
    x: input,
    has: (i) => (node.inputs[i] ?? '') !== '',
    dims: (i) => o.shapeOf(input(i)).dims,
    type: (i) => o.shapeOf(input(i)).dataType,
    y: output,
    yDims: (i) => o.shapeOf(output(i)).dims,
    get dy() {
      seen.add(0);
      const first = o.dy[0];
      if (!first) throw notDifferentiable(node, o.opset, ' by an output other than its first');
      return first;
    },
    gradient(i) {
      seen.add(i);
      return o.dy[i] ?? null;
    },
    constant(i) {
      const values = o.constants(input(i));
      if (!values)
        throw new OnnxError(
          'shape-unknown',
          `${node.opType} '${node.name}' computes its input ${i} ('${input(i)}'); its gradient needs a constant there. Simplify the model (constant folding) first.`,
        );
      return values;
    },
    isConstant: (i) => o.constants(input(i)) !== null,
  };
}
