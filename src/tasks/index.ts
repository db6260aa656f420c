import type { Method, Task } from '../domain/types.js';

/** What the service can train, one row a task; a task that is not here is refused when the job is made. */
export interface TaskRow {
  readonly task: Task;
  readonly methods: readonly Method['type'][];
  /** The metric that tells models of this task apart, larger is better. */
  readonly metric: string;
}

export const TASK_TABLE: Readonly<Partial<Record<Task, TaskRow>>> = Object.freeze({
  'image-classification': Object.freeze({
    task: 'image-classification',
    methods: Object.freeze(['featureExtraction', 'fineTuning', 'scratch'] as const),
    metric: 'validation/accuracy',
  }),
  'text-classification': Object.freeze({
    task: 'text-classification',
    methods: Object.freeze(['featureExtraction', 'fineTuning', 'scratch'] as const),
    metric: 'validation/accuracy',
  }),
});
