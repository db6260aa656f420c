import { OnnxError } from './error.js';
import { subgraphs } from './order.js';
import type { Model, Node } from './types.js';

/** The closed range of ai.onnx versions that this library was tested on: the newest is onnxruntime 1.30's. */
export const OLDEST_OPSET = 7;
export const NEWEST_OPSET = 26;
/** The newest file format (IR version) that onnxruntime 1.30 loads. */
export const NEWEST_IR = 13;

/**
 * Versions from 8 on at which a file written for the version before may mean something else or no longer be valid
 * (https://github.com/onnx/onnx/blob/main/docs/Changelog.md). Operators that only gained types or optional inputs are not here.
 */
const BREAKING: Readonly<Record<string, readonly number[]>> = {
  ArgMax: [12],
  ArgMin: [12],
  AveragePool: [10, 19],
  BatchNormalization: [9, 14, 15],
  Clip: [11],
  Dropout: [10, 12],
  DepthToSpace: [11],
  Gemm: [],
  GroupNormalization: [21],
  Hardmax: [13],
  LogSoftmax: [13],
  Softmax: [13],
  Loop: [11],
  Scan: [9],
  OneHot: [11],
  Pad: [11],
  ReduceSum: [13],
  ReduceMean: [18],
  ReduceMax: [18],
  ReduceMin: [18],
  ReduceProd: [18],
  ReduceL1: [18],
  ReduceL2: [18],
  ReduceLogSum: [18],
  ReduceLogSumExp: [18],
  ReduceSumSquare: [18],
  Resize: [11, 13, 18, 19],
  RoiAlign: [16],
  Scatter: [11],
  Slice: [10],
  Split: [13, 18],
  Squeeze: [13],
  Unsqueeze: [13],
  TopK: [10, 11],
  Upsample: [9, 10],
};

/** Operators of the model (bodies of control flow too) whose meaning changes between the two ai.onnx versions. */
export function changedOperators(nodes: readonly Node[], from: number, to: number): readonly string[] {
  const found = new Set<string>();
  const visit = (list: readonly Node[]): void => {
    for (const node of list) {
      if (node.domain === '' && (BREAKING[node.opType] ?? []).some((v) => v > from && v <= to)) found.add(node.opType);
      for (const g of subgraphs(node)) visit(g.nodes);
    }
  };
  visit(nodes);
  return [...found].sort();
}

/**
 * The opsets of two models put together: for each domain the newer version, if the other model's operators mean the same
 * there. Throws `opset-incompatible` naming the operators that do not.
 */
export function alignedOpsets(a: Model, b: Model): ReadonlyMap<string, number> {
  const merged = new Map(a.opsets);
  for (const [domain, version] of b.opsets) {
    const other = merged.get(domain);
    if (other === undefined || other === version) {
      merged.set(domain, version);
      continue;
    }
    const newest = Math.max(other, version);
    const lifted = other < version ? a : b;
    const from = Math.min(other, version);
    const changed = domain === '' ? changedOperators(lifted.graph.nodes, from, newest) : [`all of ${domain}`];
    if (changed.length > 0)
      throw new OnnxError(
        'opset-incompatible',
        `One graph is written for opset ${from}${domain && ` of ${domain}`}, the other for ${newest}, and between them the meaning of ${changed.join(', ')} changed. Build the second for the opset of the first, or convert the first (onnx.version_converter).`,
      );
    merged.set(domain, newest);
  }
  return merged;
}
