import type { EvaluationExample, Split } from '../../src/domain/types.js';
import { encodeTensors } from '../../src/onnx/index.js';
import { binaryScores } from '../../src/tasks/classification/binary-scores.js';
import { argmax, evaluate } from '../../src/tasks/classification/metrics.js';
import type { Executor } from '../executors/executor.js';
import { baseReader, type ReadBase } from './base-file.js';
import { PICTURE_CARD } from './cards/picture-card.js';
import { textCard } from './cards/text-card.js';
import { tellChosen } from './choices.js';
import { withExcerpts } from './excerpts.js';
import { featureExtraction } from './extraction.js';
import type { Control } from './head-search.js';
import { type JobTexts, jobTexts } from './job-texts.js';
import type { FromChild, RunExample, RunResult, RunSpec, TextRunInput } from './messages.js';
import type { MethodInput } from './method.js';
import { modelCard } from './model-card.js';
import { smallFiles } from './model-files.js';
import { numbersOf, type Parts, parts } from './parts.js';
import { withPooling } from './pooling-choice.js';
import { progressOf, SPANS } from './progress.js';
import { certify, goldenRows, leave } from './publish.js';
import { tokenWords } from './token-report.js';

/**
 * A whole run: training on `executor` by the job's method, evaluation, files, and the proof on `verifier`, the engine that will
 * serve the model. Everything drawn comes from the seed, and nothing depends
 * on what an earlier attempt left in the caches, so a run that was interrupted ends like one that was not. Throws `GraftError`s.
 */
export async function run(
  executor: Executor,
  verifier: Executor,
  spec: RunSpec,
  control: Control,
  tell: (message: FromChild) => void,
): Promise<RunResult> {
  const all = parts(spec, tell);
  const readBase = baseReader(spec.base);
  const texts = await textsOf(spec, readBase, all, tell);
  // On a processor the verifier's passes forward are the faster ones (MobileNetV2 on two cores: 7 ms a picture on onnxruntime, 18 on TensorFlow).
  const forward = executor.engine.device === 'cpu' ? verifier : executor;
  try {
    const longText = texts && { hyperparameters: { ...spec.hyperparameters, longText: texts.report.longText } };
    const read = texts === null ? spec : { ...spec, input: texts.input, ...longText };
    const settled =
      texts === null
        ? read
        : await withPooling({ executor, forward, spec: read, readBase, parts: all, texts, control, tell });
    return await withTexts({ executor, forward, verifier, spec: settled, readBase, control, tell, parts: all, texts });
  } finally {
    await texts?.close();
  }
}

/** The texts of a job; says how they fit the base, and what becomes of the long ones. */
async function textsOf(
  spec: RunSpec,
  readBase: ReadBase,
  { train, validation, test }: Parts,
  tell: (message: FromChild) => void,
) {
  const { input, hyperparameters } = spec;
  if (input.kind !== 'text') return null;
  const { model } = await readBase();
  const texts = await jobTexts(spec, model, input, [...train, ...validation, ...test], hyperparameters.longText);
  const { report } = texts;
  tell({ type: 'log', ...tokenWords(report), data: { tokens: { ...report, lengths: { ...report.lengths } } } });
  tellChosen(tell, 'chose for texts longer than the base reads', texts.chosen);
  return texts;
}

async function withTexts({
  executor,
  verifier,
  ...o
}: Omit<MethodInput, 'progress'> & { readonly verifier: Executor }): Promise<RunResult> {
  const { spec, tell } = o;
  const { train, validation, test, labels, own } = o.parts;
  const { texts } = o;
  const tokens = texts?.report ?? null;
  const progress = progressOf((p) => tell({ type: 'progress', progress: p }), SPANS[spec.method.type]);
  const input = { ...o, executor, progress };
  const trained =
    spec.method.type === 'featureExtraction'
      ? await featureExtraction(input, spec.hyperparameters)
      : // Only where it is needed: a quarter of the modules of a process whose start a second job waits for.
        await (await import('./fine-tune/fine-tuning.js')).fineTuning(input);

  tell({ type: 'state', state: 'evaluating' });
  progress('evaluation', 0, 1);
  const trainNumbers = numbersOf(train, labels);
  const majority = argmax(labels.map((_, k) => trainNumbers.reduce((n, label) => n + (label === k ? 1 : 0), 0)));
  const evaluated = (list: readonly RunExample[], probabilities: Float32Array, threshold?: number) => {
    const actual = numbersOf(list, labels);
    const binary = labels.length === 2 ? binaryScores(labels, actual, probabilities, threshold) : null;
    return { ...evaluate(labels, actual, probabilities, majority), ...(binary !== null && { binary }) };
  };
  const validated = evaluated(validation, trained.probabilities.validation);
  // A threshold that was found on the test split would flatter the model.
  const tested = test.length > 0 ? evaluated(test, trained.probabilities.test, validated.binary?.threshold) : null;
  const metrics: Record<string, number> = {
    'validation/accuracy': validated.accuracy,
    'validation/loss': validated.logLoss,
    ...(tested !== null && { 'test/accuracy': tested.accuracy }),
  };
  tell({
    type: 'metrics',
    points: Object.entries(metrics).map(([name, value]) => ({ name, step: trained.epochs, value })),
  });

  tell({ type: 'state', state: 'publishing' });
  progress('publishing', 0, 1);
  const changed = trained.changed === null ? null : Buffer.concat(encodeTensors(trained.changed));
  const {
    certificate,
    export: exported,
    recipe,
  } = await certify({ trainer: executor.engine, verifier }, spec, {
    labels,
    base: (await o.readBase()).bytes,
    head: trained.head,
    changed,
    golden: goldenRows(validation.length).map((i) => ({
      example: validation[i]!,
      expected: trained.probabilities.validation.subarray(i * labels.length, (i + 1) * labels.length),
    })),
    verifiedAt: new Date().toISOString(),
  });
  const card = modelCard({
    spec,
    labels,
    counts: { train: train.length, validation: validation.length, test: test.length },
    drawn: !own,
    hyperparameters: { ...trained.hyperparameters, epochs: trained.epochs },
    features: trained.features,
    kept: trained.kept,
    changed: trained.changed,
    validation: validated,
    test: tested,
    certificate,
    words: texts === null || spec.input.kind === 'image' ? PICTURE_CARD : cardOf(texts, spec.input),
  });
  const files = (await smallFiles(spec, labels, card)).map(async ({ name, contentType, content }) => ({
    name,
    contentType,
    path: await leave(spec.outDir, name, content),
  }));
  return {
    input: spec.input,
    labels,
    metrics,
    evaluation: {
      ...validated,
      validation: own ? 'own split' : 'drawn',
      ...(tested !== null && { test: tested }),
      ...(tokens !== null && { tokens }),
    },
    examples: await withExcerpts(spec, [
      ...predictions(labels, 'validation', validation, trained.probabilities.validation),
      ...predictions(labels, 'test', test, trained.probabilities.test),
    ]),
    certificate,
    export: exported,
    recipe: await leave(spec.outDir, 'model.recipe', recipe),
    head: await leave(spec.outDir, 'head.onnx', trained.head),
    changed: changed === null ? null : await leave(spec.outDir, 'changed.onnx', changed),
    files: await Promise.all(files),
  };
}

const cardOf = ({ report, fixed }: JobTexts, { text }: TextRunInput) => textCard(report, text, fixed);

function predictions(
  labels: readonly string[],
  split: Split,
  list: readonly RunExample[],
  probabilities: Float32Array,
): readonly EvaluationExample[] {
  return list.map((e, i) => {
    const row = probabilities.subarray(i * labels.length, (i + 1) * labels.length);
    const best = argmax(row);
    return {
      index: e.index,
      path: e.path,
      split,
      actual: e.label,
      predicted: labels[best]!,
      probability: row[best]!,
      probabilities: [...row],
    };
  });
}
