import type { Static } from 'typebox';
import type {
  EvaluationExample as ExampleRecord,
  ModelFile as FileRecord,
  Json,
  Model as ModelRecord,
} from '../../domain/types.js';
import { time } from '../../http/render.js';
import type { Evaluation, EvaluationExample, Model, ModelFile } from './schema.js';

export function modelBody(model: ModelRecord): Static<typeof Model> {
  const { id, name, task, jobId, dataset, base, method, cut, labels, metrics, certificate, createdAt } = model;
  const { mean, std, ...preprocessing } = model.preprocessing;
  return {
    ...{ object: 'model', id, name, task, job: jobId, dataset, base, method, cut, labels: [...labels] },
    preprocessing: { ...preprocessing, mean: [...mean], std: [...std] },
    metrics,
    certificate: { ...certificate, inputs: [...certificate.inputs] },
    createdAt: time(createdAt),
  };
}

export function fileBody(file: FileRecord): Static<typeof ModelFile> {
  return { object: 'file', ...file };
}

/** An evaluation is stored as the trainer wrote it, in the fields of the contract. */
export function evaluationBody(id: string, evaluation: Json): Static<typeof Evaluation> {
  return { object: 'evaluation', id, ...(evaluation as unknown as Omit<Static<typeof Evaluation>, 'object' | 'id'>) };
}

export function evaluationExampleBody(example: ExampleRecord): Static<typeof EvaluationExample> {
  return { object: 'evaluation.example', ...example, probabilities: [...example.probabilities] };
}
