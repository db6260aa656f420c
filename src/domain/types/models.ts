import type { Split, Task } from './common.js';
import type { Preprocessing, TextInput } from './inputs.js';
import type { Engine } from './jobs.js';
import type { Method } from './training.js';

export interface ModelFile {
  readonly name: string;
  readonly bytes: number;
  readonly digest: string;
  readonly contentType: string;
}
/** The parity certificate: the exported file, loaded afresh, gave the trainer's outputs on the golden inputs. */
export interface Certificate {
  readonly inputs: readonly { path: string; digest: string }[];
  readonly maxDifference: number;
  readonly tolerance: number;
  readonly exportDigest: string;
  readonly engines: { trainer: Engine; verifier: Engine };
  readonly verifiedAt: string;
}
export interface Model {
  readonly id: string;
  readonly projectId: string;
  readonly name: string | null;
  readonly task: Task;
  readonly jobId: string;
  readonly dataset: { id: string; revision: number };
  readonly base: { id: string; digest: string };
  readonly cut: string;
  readonly labels: readonly string[];
  /** How pictures are prepared, or texts: one of the two is set, the other null. */
  readonly preprocessing: Preprocessing | null;
  readonly text: TextInput | null;
  readonly method: Method;
  readonly metrics: Readonly<Record<string, number>>;
  readonly certificate: Certificate;
  /** Blob key of the head: an ONNX graph `features -> logits, probabilities` with the changed tensors in it. */
  readonly headKey: string;
  readonly files: readonly ModelFile[];
  readonly createdAt: Date;
}
/** One step of transfer: a model, and what it was trained on. */
export interface LineageLink {
  readonly model: { readonly id: string; readonly name: string | null };
  readonly job: string;
  readonly method: Method;
  readonly dataset: { id: string; revision: number; name: string; digest: string | null };
  readonly base: { id: string; name: string; digest: string };
}
export interface EvaluationExample {
  readonly index: number;
  readonly path: string;
  readonly split: Split;
  readonly actual: string;
  readonly predicted: string;
  readonly probability: number;
  readonly probabilities: readonly number[];
  /** Of a text: its beginning. */
  readonly excerpt?: string | null;
}
