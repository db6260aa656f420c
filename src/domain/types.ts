import type { StoredProblem } from '../errors.js';
import type { GivenColumns } from './columns.js';
import type { JobState } from './lifecycle.js';

/** Records as kept, in the field names of the HTTP contract; times are Dates until rendered. */
export const TASKS = ['image-classification', 'object-detection', 'text-classification', 'translation'] as const;
export type Task = (typeof TASKS)[number];
export type Split = 'train' | 'validation' | 'test';
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export type ContentState = 'receiving' | 'checking' | 'ready' | 'invalid';

export interface DatasetSummary {
  readonly examples: number;
  readonly labels: readonly { name: string; train: number; validation: number; test: number }[];
  readonly splits: { train: number; validation: number; test: number };
  readonly rejected: number;
  readonly duplicates: number;
  readonly leaks: number;
}
/** What checking found out, beyond the summary; lists are cut at 1,000 entries each, the counts are not. */
export interface DatasetReport {
  readonly format: string;
  readonly summary: DatasetSummary;
  readonly rejected: readonly { path: string; code: string; detail: string }[];
  readonly duplicates: readonly { kind: 'exact' | 'near'; paths: readonly string[] }[];
  readonly leaks: readonly { kind: 'exact' | 'near'; train: string; other: string; split: Split }[];
  readonly notes: readonly string[];
  readonly estimate: { examples: number; seconds: number; bytes: number };
}
export interface Dataset {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly task: Task;
  readonly state: ContentState;
  readonly revision: { number: number; digest: string | null; bytes: number } | null;
  /** Of the shown revision; null where the user named none. */
  readonly columns: GivenColumns | null;
  readonly summary: DatasetSummary | null;
  readonly error: StoredProblem | null;
  /** Why its check waits, while it is `checking`. */
  readonly waiting: StoredProblem | null;
  readonly createdAt: Date;
}
export interface DatasetRevision {
  readonly datasetId: string;
  readonly projectId: string;
  readonly task: Task;
  readonly number: number;
  readonly state: ContentState;
  readonly digest: string | null;
  readonly bytes: number;
  readonly mediaType: string | null;
  /** Blob key of the upload as received; gone once the pack is written. */
  readonly uploadKey: string | null;
  /** Blob key of the pack: the bytes of all readable examples one after the other, found by `Example.offset`. */
  readonly packKey: string | null;
  /** Of a table of texts, as the user named them. */
  readonly columns: GivenColumns | null;
  readonly summary: DatasetSummary | null;
  readonly report: DatasetReport | null;
  readonly error: StoredProblem | null;
}
export interface Example {
  readonly index: number;
  readonly path: string;
  readonly label: string | null;
  readonly split: Split | null;
  /** Byte offset and length inside the revision's pack; length 0 for a rejected example. */
  readonly offset: number;
  readonly bytes: number;
  readonly digest: string | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly problem: { code: string; detail: string } | null;
}

export interface Preprocessing {
  /** Short side is resized to this many pixels (antialiased bilinear), then the centre is cropped. */
  readonly resize: number;
  readonly crop: number;
  readonly layout: 'NCHW' | 'NHWC';
  readonly channels: 'RGB' | 'BGR' | 'GRAY';
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}
/** How texts are prepared for a base. */
export interface TextInput {
  /** Inputs of the graph by role, each int64 or int32 [N, L]; null where it has none of that role. */
  readonly inputs: { readonly ids: string; readonly mask: string | null; readonly types: string | null };
  /** Most tokens of one text, special ones included. */
  readonly maxLength: number;
  readonly padId: number;
  /** Tokens that the tokenizer knows. */
  readonly vocabulary: number;
  /** How the vectors of a text's tokens become one. */
  readonly pooling: 'mean' | 'cls' | 'max';
  /**
   * Set where a longer text is read in windows of `maxLength`, at most `most`, of which two neighbours share `overlap` of the
   * text's own tokens; left out where it is cut off.
   */
  readonly windows?: { readonly overlap: number; readonly most: number };
}
export type Pooling = TextInput['pooling'];
/** A file beside the model, a classifier of its own that reads the first token, the model that the base was made from; or nobody. */
export type PoolingSource = 'file' | 'classifier' | 'model' | 'assumed';
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

export type Method =
  | { readonly type: 'featureExtraction'; readonly cut?: string }
  | { readonly type: 'fineTuning'; readonly layers: 'all' | number; readonly cut?: string }
  | { readonly type: 'scratch'; readonly cut?: string };
/** What only fine-tuning and training from scratch have; left out means `auto`. */
export interface TuningHyperparameters {
  readonly optimizer?: 'auto' | 'adamw' | 'sgd';
  readonly schedule?: 'auto' | 'cosine' | 'linear' | 'constant';
  /** Share of the steps over which the learning rate rises. */
  readonly warmup?: 'auto' | number;
  /** Most Euclidean norm of all gradients together; 0: as they are. */
  readonly gradientClip?: 'auto' | number;
  /** Each layer's learning rate is this times the next one's above it. */
  readonly layerDecay?: 'auto' | number;
  /** Epochs without a better validation result after which training ends. */
  readonly patience?: 'auto' | number;
  /** Whether BatchNormalization goes by each batch's statistics or by the base's. */
  readonly batchNorm?: 'auto' | 'live' | 'frozen';
  readonly augmentation?: 'auto' | 'none' | 'light' | 'medium' | 'strong';
  /** Examples of one pass; the gradients of several passes are added up to a step's. */
  readonly microBatch?: 'auto' | number;
  /** `gradual`: layers come in from the head down, one after the other over the first half of the epochs. */
  readonly unfreezing?: 'auto' | 'none' | 'gradual';
  /** Share that a step leaves of the moving average of all weights; 0: none is kept. */
  readonly averageDecay?: 'auto' | number;
  /** Whether the average becomes the model where it is the better one on validation, or always. */
  readonly averageUse?: 'auto' | 'better' | 'always';
  /** Share of the features that the head does not see in a step. */
  readonly dropout?: 'auto' | number;
  /** Of texts: whether the words' vectors are trained with the layers. */
  readonly embeddings?: 'auto' | 'frozen' | 'trained';
}
/** Weights of labels in the loss: `balanced` gives each label the same in all; of given ones only the ratios count. */
export type ClassWeights = 'none' | 'balanced' | Readonly<Record<string, number>>;
export interface Hyperparameters extends TuningHyperparameters {
  readonly epochs: number | 'auto';
  readonly learningRate: number | 'auto';
  readonly batchSize: number | 'auto';
  readonly weightDecay: number | 'auto';
  readonly labelSmoothing: number | 'auto';
  readonly seed: number;
  /** Of every method; left out means `auto`. */
  readonly classWeights?: 'auto' | ClassWeights;
  /** Of texts longer than the base reads: whether they are cut off, or read in windows whose scores are pooled. */
  readonly longText?: 'auto' | 'truncate' | 'windows';
  /** Of texts: how the vectors of a text's tokens become one. */
  readonly pooling?: 'auto' | Pooling;
}
/** Bytes of memory that a run of fine-tuning was expected to take, and took. */
export interface JobMemory {
  /** Before the first step: by what takes them, and all together. */
  readonly estimate: {
    readonly process: number;
    readonly parameters: number;
    readonly optimizer: number;
    readonly activations: number;
    readonly pictures: number;
    readonly total: number;
  };
  /** What could be used when the run began. */
  readonly available: number;
  /** The most that the process of the run held, once it is known. */
  readonly peak: number | null;
}
export interface Progress {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  /** 0..1 over the whole job, never falls within an attempt. */
  readonly fraction: number;
  readonly etaSeconds: number | null;
}
export interface Engine {
  readonly executor: 'onnxruntime' | 'tensorflow';
  readonly version: string;
  readonly device: string;
}
/** What a worker found of one engine: one that can be used names version and device, another the reason with the mend. */
export interface EngineReport {
  readonly executor: Engine['executor'];
  readonly usable: boolean;
  readonly version: string | null;
  readonly device: string | null;
  readonly reason: string | null;
  readonly checkedAt: Date;
}
export interface Job {
  readonly id: string;
  readonly projectId: string;
  readonly name: string | null;
  readonly state: JobState;
  readonly attempt: number;
  readonly task: Task;
  readonly dataset: { id: string; revision: number };
  readonly base: { id: string; digest: string };
  readonly method: Method;
  readonly hyperparameters: Hyperparameters;
  /** null: the dataset's own validation split, or a stratified 0.2 where it has none. */
  readonly validation: { fraction: number } | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly engineRequested: 'auto' | 'onnxruntime' | 'tensorflow';
  readonly engine: Engine | null;
  /** null until it is estimated, and for feature extraction. */
  readonly memory: JobMemory | null;
  readonly progress: Progress | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly modelId: string | null;
  readonly retryOf: string | null;
  readonly error: StoredProblem | null;
  /** What the user asked of a held job and the worker has not done yet. */
  readonly intent: 'cancel' | 'pause' | 'stop' | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}
export interface JobEvent {
  /** Grows with every event; the cursor of the contract. */
  readonly seq: bigint;
  readonly id: string;
  readonly jobId: string;
  readonly type: 'state' | 'progress' | 'metric' | 'log';
  readonly level: 'info' | 'warning' | 'error';
  readonly message: string;
  readonly data: Readonly<Record<string, Json>>;
  readonly createdAt: Date;
}
export interface MetricPoint {
  readonly seq: bigint;
  readonly name: string;
  readonly step: number;
  readonly value: number;
  readonly attempt: number;
  readonly createdAt: Date;
}

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
