import type { InferenceSession } from 'onnxruntime-node';
import { disabled, FAULTS } from '../executors/onnxruntime-faults.js';
import type { Call, Takes } from './engine-messages.js';

/** A trunk in its thread: pictures or texts in, rows of features out. */
export interface LoadedTrunk {
  readonly takes: Takes;
  /** Estimate of the memory that it holds. */
  readonly bytes: number;
  features(run: Extract<Call, { type: 'run' }>): Promise<FeatureRows>;
  release(): Promise<void>;
}
export interface FeatureRows {
  /** Row-major [count, width]. */
  readonly data: Float32Array;
  readonly width: number;
}

/** Spinning threads would take the cores from decoding between runs. */
export const SESSION_EXTRA: NonNullable<InferenceSession.SessionOptions['extra']> = {
  ...disabled(FAULTS),
  session: { intra_op: { allow_spinning: '0' } },
};
