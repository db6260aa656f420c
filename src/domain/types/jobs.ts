import type { StoredProblem } from '../../errors.js';
import type { JobState } from '../lifecycle.js';
import type { Json, Task } from './common.js';
import type { Hyperparameters, Method } from './training.js';

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
