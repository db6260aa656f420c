import type { GraphBuilder } from '../builder.js';

/** Whether two floats are the same; the operator for it came with opset 11. */
export const equal = (b: GraphBuilder, x: string, y: string): string =>
  b.opset >= 11 ? b.op('Equal', [x, y]) : b.op('Not', [b.op('Or', [b.op('Less', [x, y]), b.op('Greater', [x, y])])]);
