import type { StoredProblem } from '../../errors.js';
import type { ContentState, Task } from './common.js';
import type { PoolingSource, Preprocessing, TextInput } from './inputs.js';

export interface BaseCut {
  readonly tensor: string;
  readonly kind: string;
  readonly features: number;
  readonly default: boolean;
}
export interface BaseFacts {
  readonly opset: number;
  readonly license: string | null;
  readonly inputs: readonly { name: string; type: string; shape: readonly (number | string)[] }[];
  readonly outputs: readonly { name: string; type: string; shape: readonly (number | string)[] }[];
  readonly preprocessing: Preprocessing | null;
  readonly preprocessingSource: string | null;
  /** Left out or null where the base reads no text, or came without a tokenizer. */
  readonly text?: TextInput | null;
  /** Who says how its tokens' vectors are pooled; a job finds out where it is only `assumed`. Left out: not known any more. */
  readonly poolingSource?: PoolingSource;
  readonly cuts: readonly BaseCut[];
  readonly parameters: number;
  readonly training: { supported: boolean; unsupportedOperators: readonly string[] };
  readonly tasks: readonly Task[];
  readonly notes: readonly string[];
}
/** A repository of a model hub. */
export interface HubSource {
  /** `org/name` */
  readonly hub: string;
  /** As asked for: a branch, a tag or a commit. */
  readonly revision: string;
  /** What that was when the download began; everything is taken from there. */
  readonly commit: string | null;
  /** As the repository says. */
  readonly license: string | null;
}
export interface ReceivedBytes {
  readonly done: number;
  readonly total: number;
}
export interface Base {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly state: ContentState;
  readonly digest: string | null;
  readonly bytes: number;
  /** Blob key of the upload as received (.onnx or a zipped hub folder). */
  readonly uploadKey: string | null;
  /** Blob key by which the ONNX file is had, by its digest (`services/base-file`), shared by all bases of that content. */
  readonly blobKey: string | null;
  readonly facts: BaseFacts | null;
  readonly error: StoredProblem | null;
  /** Why its download or check waits, while it is `receiving` or `checking`. */
  readonly waiting: StoredProblem | null;
  /** Where it comes from, if that is a model hub. */
  readonly source: HubSource | null;
  /** While it comes from a hub. */
  readonly progress: ReceivedBytes | null;
  /** Came with the installation. */
  readonly bundled: boolean;
  /** The model that it was made from; null for an uploaded one. */
  readonly modelId: string | null;
  readonly createdAt: Date;
}
