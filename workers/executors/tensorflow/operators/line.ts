import type { Operator } from '../op.js';

/** Operator, first and last opset of the closed range that the function was written for and tested on. */
export type OperatorLine = readonly [opType: string, from: number, to: number, run: Operator];
