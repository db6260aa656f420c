import { OnnxError } from '../error.js';
import { NEWEST_IR, NEWEST_OPSET, OLDEST_OPSET } from '../opsets.js';
import { reads, subgraphs } from '../order.js';
import { decodeModel } from '../proto/decode.js';
import type { Graph, Model, Node } from '../types.js';
import { external } from './external.js';
import { contributed, ML_OPSETS, mlOperator, operatorRange } from './operators.js';
import { type ModelProblem, sniff } from './sniff.js';

const MAX_LISTED = 20;

/**
 * Every reason why a model cannot serve as a base, in words that a user can act on; none means it can be loaded and run
 * forward. What merely limits it (quantised operators, control flow: no training below the head) is said by `describe`.
 */
export function check(model: Model): ModelProblem[] {
  return [
    ...format(model),
    ...external(model),
    ...operators(model),
    ...names(model.graph),
    ...wiring(model.graph),
    ...values(model),
  ];
}

/** Looks at the bytes, reads the model and checks it: a model, or the reasons why there is none. Never throws an OnnxError. */
export function examine(bytes: Uint8Array): {
  readonly model: Model | null;
  readonly problems: readonly ModelProblem[];
} {
  const seen = sniff(bytes);
  if (seen) return { model: null, problems: [seen] };
  try {
    const model = decodeModel(bytes);
    return { model, problems: check(model) };
  } catch (error) {
    // A RangeError is an engine's limit (entries of a map, length of a string) that no real model meets.
    if (error instanceof RangeError)
      return {
        model: null,
        problems: [{ code: 'not-onnx', path: '', detail: `The file is no usable model: ${error.message}.` }],
      };
    if (!(error instanceof OnnxError)) throw error;
    return { model: null, problems: [explained(error, bytes.length)] };
  }
}

function explained(error: OnnxError, size: number): ModelProblem {
  if (error.code === 'truncated')
    return {
      code: 'truncated',
      path: '',
      detail: `The file of ${size} bytes ends early: ${error.detail} Upload it again, whole.`,
    };
  if (error.code === 'malformed')
    return { code: 'not-onnx', path: '', detail: `The file is no ONNX model, or a damaged one: ${error.detail}` };
  return { code: error.code, path: '', detail: error.detail };
}

function format(model: Model): ModelProblem[] {
  const found: ModelProblem[] = [];
  if (model.irVersion > NEWEST_IR)
    found.push({
      code: 'format-too-new',
      path: 'ir_version',
      detail: `The file has IR version ${model.irVersion}; up to ${NEWEST_IR} is read. Export it with an older onnx package.`,
    });
  const opset = model.opsets.get('');
  if (opset === undefined && !model.graph.nodes.some((n) => n.domain === '')) return found;
  if (opset === undefined || opset < OLDEST_OPSET || opset > NEWEST_OPSET)
    found.push({
      code: 'opset-unsupported',
      path: 'opset_import',
      detail: `The model is written for opset ${opset ?? 'none'}; ${OLDEST_OPSET} to ${NEWEST_OPSET} are taken. Export it again for opset 17, or convert it with onnx.version_converter.`,
    });
  const ml = model.opsets.get('ai.onnx.ml');
  if (ml !== undefined && (ml < ML_OPSETS.from || ml > ML_OPSETS.to))
    found.push({
      code: 'opset-unsupported',
      path: 'opset_import',
      detail: `The model uses version ${ml} of ai.onnx.ml; ${ML_OPSETS.from} to ${ML_OPSETS.to} are taken.`,
    });
  return found;
}

function operators(model: Model): ModelProblem[] {
  const functions = new Set(model.functions.map((f) => `${f.domain}:${f.name}`));
  const found = new Map<string, ModelProblem>();
  const visit = (nodes: readonly Node[], opset: number): void => {
    for (const node of nodes) {
      for (const g of subgraphs(node)) visit(g.nodes, opset);
      const key = `${node.domain}:${node.opType}`;
      if (found.has(key) || functions.has(key) || contributed(node.domain, node.opType)) continue;
      const problem = operator(node, opset);
      if (problem) found.set(key, problem);
    }
  };
  const opset = model.opsets.get('') ?? 0;
  visit(model.graph.nodes, opset);
  for (const f of model.functions) visit(f.nodes, f.opsets.get('') ?? opset);
  const all = [...found.values()];
  const more = all.length - MAX_LISTED;
  return more > 0
    ? [...all.slice(0, MAX_LISTED), { code: 'operator-unsupported', path: '', detail: `… and ${more} more operators.` }]
    : all;
}

function operator(node: Node, opset: number): ModelProblem | null {
  const path = node.name || node.outputs[0] || node.opType;
  if (node.domain === 'ai.onnx.ml')
    return mlOperator(node.opType)
      ? null
      : { code: 'operator-unknown', path, detail: `ai.onnx.ml has no operator ${node.opType}.` };
  if (node.domain !== '')
    return {
      code: 'custom-operator',
      path,
      detail: `The operator ${node.opType} of the domain '${node.domain}' is not standard ONNX and cannot be run here. Export the model with standard operators only.`,
    };
  const range = operatorRange(node.opType);
  if (!range)
    return {
      code: 'operator-unknown',
      path,
      detail: `${node.opType} is no standard ONNX operator (or an experimental one that was withdrawn). Remove it, or export the model with standard operators only.`,
    };
  if (opset >= OLDEST_OPSET && (opset < range.from || opset > range.to))
    return {
      code: 'operator-unsupported',
      path,
      detail: `${node.opType} exists in opsets ${range.from} to ${Number.isFinite(range.to) ? range.to : NEWEST_OPSET}, but the model says opset ${opset}.`,
    };
  return null;
}

/** Engines end a name at its first NUL, and would take one tensor for another. */
function names({ inputs, initializers, nodes }: Graph): ModelProblem[] {
  const all = [...inputs.map(({ name }) => name), ...initializers.keys(), ...nodes.flatMap(({ outputs }) => outputs)];
  return all
    .filter((name) => name.includes('\0'))
    .slice(0, MAX_LISTED)
    .map((name) => ({
      code: 'graph-broken',
      path: name,
      detail: `The name of the tensor '${name}' holds a NUL (U+0000). Give it a name of letters, digits and underscores.`,
    }));
}

/** Every tensor that is read must come from somewhere. */
function wiring(graph: Graph): ModelProblem[] {
  const known = new Set([...graph.inputs.map((v) => v.name), ...graph.initializers.keys()]);
  const found: ModelProblem[] = [];
  const miss = (name: string, by: string): void => {
    if (found.length < MAX_LISTED)
      found.push({
        code: 'graph-broken',
        path: name,
        detail: `${by} reads the tensor '${name}', which nothing in the graph produces.`,
      });
  };
  for (const node of graph.nodes) {
    for (const name of reads(node)) if (!known.has(name)) miss(name, `${node.opType} '${node.name}'`);
    for (const name of node.outputs) known.add(name);
  }
  for (const output of graph.outputs) if (!known.has(output.name)) miss(output.name, 'An output of the graph');
  return found;
}

const NOT_TENSORS: ReadonlySet<string> = new Set(['sequence', 'map', 'optional', 'sparse']);

function values(model: Model): ModelProblem[] {
  const { inputs, outputs } = model.graph;
  const found: ModelProblem[] = [];
  if (inputs.length === 0)
    found.push({ code: 'no-input', path: '', detail: 'The graph has no input, so nothing can be fed to it.' });
  if (outputs.length === 0) found.push({ code: 'no-output', path: '', detail: 'The graph has no output.' });
  for (const v of [...inputs, ...outputs])
    if (NOT_TENSORS.has(v.dataType))
      found.push({
        code: 'value-not-tensor',
        path: v.name,
        detail: `'${v.name}' is a ${v.dataType}, not a tensor${v.dataType === 'map' || v.dataType === 'sequence' ? ' (ZipMap makes such outputs: convert with the option zipmap=False)' : ''}.`,
      });
  for (const v of inputs) {
    if (
      v.dataType === 'float64' ||
      v.dataType.startsWith('complex') ||
      v.dataType === 'bfloat16' ||
      v.dataType.startsWith('float8')
    )
      found.push({
        code: 'input-type-unsupported',
        path: v.name,
        detail: `The input '${v.name}' is ${v.dataType}; float32, float16 and integers are taken. Export the model in float32.`,
      });
    if (!NOT_TENSORS.has(v.dataType) && v.shape === null)
      found.push({
        code: 'input-shape-unknown',
        path: v.name,
        detail: `The input '${v.name}' does not say how many dimensions it has. Export the model with the sizes of its inputs.`,
      });
  }
  return found;
}
