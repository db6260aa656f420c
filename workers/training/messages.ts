import type {
  Certificate,
  Engine,
  EvaluationExample,
  Hyperparameters,
  JobMemory,
  Json,
  LineageLink,
  Method,
  Preprocessing,
  Progress,
  Split,
  TextInput,
} from '../../src/domain/types.js';
import type { ErrorCode, ProblemItem } from '../../src/errors.js';
import type { Evaluation } from '../../src/tasks/classification/metrics.js';
import type { EngineChoice } from '../engines.js';

export interface RunExample {
  readonly index: number;
  readonly path: string;
  readonly label: string;
  readonly split: Split | null;
  /** Where its bytes lie in the pack. */
  readonly offset: number;
  readonly bytes: number;
  readonly digest: string;
}
/** How examples become what the base takes. */
export type RunInput = PictureRunInput | TextRunInput;
export interface PictureRunInput {
  readonly kind: 'image';
  readonly preprocessing: Preprocessing;
}
export interface TextRunInput {
  readonly kind: 'text';
  readonly text: TextInput;
  /** Nobody says how the vectors of tokens are pooled: the run finds out. */
  readonly poolingAssumed?: boolean;
  /** A file with those of the tokenizer: one JSON object of names and texts, and its digest. */
  readonly tokenizer: { readonly path: string; readonly digest: string };
}
/** Everything a run needs to know; the child reads no database and no environment. */
export interface RunSpec {
  readonly model: { readonly id: string; readonly name: string | null };
  readonly jobId: string;
  readonly dataset: { readonly id: string; readonly revision: number; readonly name: string; readonly digest: string };
  readonly base: {
    readonly id: string;
    readonly name: string;
    readonly digest: string;
    readonly license: string | null;
    readonly path: string;
    /** How a base made from a model came about; left out of one that was uploaded. */
    readonly lineage?: readonly LineageLink[];
  };
  readonly method: Method;
  readonly cut: string;
  /** Features at the cut where the base's description tells; else they are measured. */
  readonly width: number | null;
  readonly input: RunInput;
  readonly packPath: string;
  readonly examples: readonly RunExample[];
  readonly hyperparameters: Hyperparameters;
  readonly fraction: number | null;
  readonly cache: { readonly root: string; readonly maxBytes: number };
  readonly threads: number;
  /** Memory that the run may plan with, at most; left out: all that the system says is free. */
  readonly memoryBytes?: number;
  readonly engine: EngineChoice;
  /** File of how long a step took on which engine, which all runs of this machine share. */
  readonly engineTimes: string;
  /** The job's checkpoints, which outlive an attempt. */
  readonly checkpointDir: string;
  /** At least this long between two checkpoints. */
  readonly checkpointMs: number;
  /** A folder of this attempt's own, where the child leaves the files to publish. */
  readonly outDir: string;
}
export interface RunFile {
  readonly name: string;
  readonly path: string;
  readonly contentType: string;
}
/** How well tokenizer and texts go together. Plain JSON: it is stored and served as it is. */
export interface TokenReport {
  readonly texts: number;
  /** Tokens that the base reads at once, special ones included. */
  readonly limit: number;
  /** Texts that are longer. */
  readonly long: number;
  /** What became of them. */
  readonly longText: 'truncate' | 'windows';
  /** Windows that all texts were read in: as many as texts where none was split. */
  readonly windows: number;
  /** Texts whose end was left out. */
  readonly truncated: number;
  /** Share of the tokens that stand for what the tokenizer does not know. */
  readonly unknownShare: number;
  /** Tokens of a text before it is cut off or split. */
  readonly lengths: { readonly median: number; readonly p95: number; readonly most: number };
}
export interface RunResult {
  /** How examples become what the base takes, as the run chose it. */
  readonly input: RunInput;
  readonly labels: readonly string[];
  readonly metrics: Readonly<Record<string, number>>;
  readonly evaluation: Evaluation & {
    readonly test?: Evaluation;
    readonly validation: 'own split' | 'drawn';
    readonly tokens?: TokenReport;
  };
  readonly examples: readonly EvaluationExample[];
  readonly certificate: Certificate;
  readonly export: { readonly bytes: number; readonly digest: string };
  /** File of the recipe by which `model.onnx` is put together again. */
  readonly recipe: string;
  readonly head: string;
  /** File of the base's tensors that training changed; null where it changed none. */
  readonly changed: string | null;
  readonly files: readonly RunFile[];
}
export interface MetricValue {
  readonly name: string;
  readonly step: number;
  readonly value: number;
}
export type ToChild =
  | { readonly type: 'start'; readonly spec: RunSpec }
  /** End with the best so far. */
  | { readonly type: 'stop' }
  /** Write down where the run stands, and end: it goes on another time. */
  | { readonly type: 'leave' };
export type FromChild =
  | { readonly type: 'ready' }
  | { readonly type: 'state'; readonly state: 'running' | 'evaluating' | 'publishing' }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'metrics'; readonly points: readonly MetricValue[] }
  | {
      readonly type: 'resolved';
      readonly hyperparameters: Hyperparameters;
      readonly engine: Engine;
      readonly memory?: JobMemory;
    }
  | { readonly type: 'memory'; readonly memory: JobMemory }
  | {
      readonly type: 'log';
      readonly level: 'info' | 'warning';
      readonly message: string;
      readonly data: Readonly<Record<string, Json>>;
    }
  | { readonly type: 'done'; readonly result: RunResult }
  /** The engine's device is gone: another attempt may go on elsewhere. */
  | { readonly type: 'lost'; readonly detail: string }
  | {
      readonly type: 'failed';
      readonly code: ErrorCode;
      readonly detail: string;
      readonly errors: readonly ProblemItem[];
    };
