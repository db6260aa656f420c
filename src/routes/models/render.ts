import type { Static } from 'typebox';
import type {
  Certificate as CertificateRecord,
  EvaluationExample as ExampleRecord,
  ModelFile as FileRecord,
  Json,
  LineageLink,
  Model as ModelRecord,
  Preprocessing as PreprocessingRecord,
  TextInput as TextRecord,
} from '../../domain/types.js';
import { time } from '../../http/render.js';
import type { Lineage, Preprocessing, TextInput } from '../bases/schema.js';
import { engineBody, methodBody } from '../jobs/render.js';
import type { Certificate, Evaluation, EvaluationExample, Model, ModelFile } from './schema.js';

export function preprocessingBody(given: PreprocessingRecord | null): Static<typeof Preprocessing> | null {
  if (given === null) return null;
  const { resize, crop, layout, channels, scale, mean, std } = given;
  return { resize, crop, layout, channels, scale, mean: [...mean], std: [...std] };
}
export function textBody(given: TextRecord | null): Static<typeof TextInput> | null {
  if (given === null) return null;
  const { inputs, maxLength, padId, vocabulary, pooling, windows } = given;
  const long = windows && { windows: { overlap: windows.overlap, most: windows.most } };
  return { inputs: { ...inputs }, maxLength, padId, vocabulary, pooling, ...long };
}
function certificateBody(given: CertificateRecord): Static<typeof Certificate> {
  const { inputs, maxDifference, tolerance, exportDigest, engines, verifiedAt } = given;
  return {
    inputs: inputs.map(({ path, digest }) => ({ path, digest })),
    ...{ maxDifference, tolerance, exportDigest },
    engines: { trainer: engineBody(engines.trainer), verifier: engineBody(engines.verifier) },
    verifiedAt,
  };
}

export function lineageBody(links: readonly LineageLink[]): Static<typeof Lineage> {
  return links.map(({ model: { id, name }, job, method, dataset, base }) => ({
    ...{ model: id, name, job, method: methodBody(method) },
    dataset: { ...dataset },
    base: { ...base },
  }));
}

export function modelBody(model: ModelRecord, lineage: readonly LineageLink[]): Static<typeof Model> {
  const { id, name, task, jobId, dataset, base, cut, labels, metrics, createdAt } = model;
  return {
    ...{
      object: 'model',
      id,
      name,
      task,
      job: jobId,
      dataset,
      base,
      method: methodBody(model.method),
      cut,
      labels: [...labels],
    },
    preprocessing: preprocessingBody(model.preprocessing),
    text: textBody(model.text),
    metrics,
    certificate: certificateBody(model.certificate),
    lineage: lineageBody(lineage),
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
  const { excerpt = null, ...rest } = example;
  return { object: 'evaluation.example', ...rest, probabilities: [...rest.probabilities], excerpt };
}
