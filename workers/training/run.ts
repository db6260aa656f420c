import type { EvaluationExample, Hyperparameters, Split } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import { encodeModel, linearHead } from '../../src/onnx/index.js';
import { argmax, type Evaluation, evaluate } from '../../src/tasks/image-classification/metrics.js';
import { splitExamples } from '../../src/tasks/image-classification/splits.js';
import type { Executor } from '../executors/executor.js';
import { extractFeatures } from './features.js';
import { firstNonFinite, foldScale, type HeadData, scaleOf, standardise } from './head-data.js';
import { fitHead } from './head-fit.js';
import { type Control, search } from './head-search.js';
import type { FromChild, RunExample, RunResult, RunSpec } from './messages.js';
import { modelCard } from './model-card.js';
import { progressOf } from './progress.js';
import { certify, goldenRows, leave } from './publish.js';

/** Opset of heads: every operator in them means the same from here to the newest. */
const HEAD_OPSET = 13;

/**
 * A whole run: features, head, evaluation, files. Everything drawn comes from the seed, and nothing depends on what an
 * earlier attempt left in the cache, so a run that was interrupted ends like one that was not. Throws `GraftError`s.
 */
export async function run(
  executor: Executor,
  spec: RunSpec,
  control: Control,
  tell: (message: FromChild) => void,
): Promise<RunResult> {
  const { train, validation, test, labels, own } = parts(spec, tell);
  const examples = [...train, ...validation, ...test];
  const progress = progressOf((p) => tell({ type: 'progress', progress: p }));

  const features = await extractFeatures(executor, spec, examples, (done) =>
    progress('features', done, examples.length),
  );
  const { width } = features;
  const bad = firstNonFinite(features.values);
  if (bad >= 0)
    throw new GraftError(
      'job-impossible',
      `The base gives numbers that are not finite for '${examples[Math.floor(bad / width)]!.path}' at the tensor '${spec.cut}'. Check the base's preprocessing, or choose another cut.`,
    );
  const number = new Map(labels.map((label, i) => [label, i]));
  const dataOf = (list: readonly RunExample[], from: number): HeadData => ({
    features: features.values.subarray(from * width, (from + list.length) * width),
    labels: Int32Array.from(list, (e) => number.get(e.label)!),
    n: list.length,
    width,
    classes: labels.length,
  });
  const trainData = dataOf(train, 0);
  const held = [
    { split: 'validation' as const, list: validation, data: dataOf(validation, train.length) },
    { split: 'test' as const, list: test, data: dataOf(test, train.length + validation.length) },
  ];

  tell({ type: 'state', state: 'running' });
  progress('head', 0, 1);
  const scale = scaleOf(trainData);
  standardise(trainData.features, scale);
  const validationData = held[0]!.data;
  const found = await search(executor, trainData, spec.hyperparameters, control);
  const { heldOutLoss, candidates, ...resolved } = found;
  const hyperparameters: Hyperparameters = { ...spec.hyperparameters, ...resolved };
  tell({ type: 'resolved', hyperparameters, engine: executor.engine });
  if (heldOutLoss !== null)
    tell({
      type: 'log',
      level: 'info',
      message: `chose weight decay ${resolved.weightDecay} and ${resolved.epochs} epochs by cross-validation`,
      data: { heldOutLoss, candidates },
    });
  const watched = { ...validationData, features: standardise(validationData.features.slice(), scale) };
  const fitted = await fitHead(
    executor,
    trainData,
    watched,
    hyperparametersOf(hyperparameters, resolved),
    control,
    (epoch, points) => {
      if (points.length > 0) tell({ type: 'metrics', points });
      progress('head', epoch, resolved.epochs);
    },
  );
  const head = Buffer.concat(
    encodeModel(
      linearHead({
        features: width,
        classes: labels.length,
        opset: HEAD_OPSET,
        probabilities: true,
        ...foldScale(fitted, scale),
      }),
    ),
  );

  tell({ type: 'state', state: 'evaluating' });
  progress('evaluation', 0, 1);
  const majority = argmax(labels.map((_, k) => trainData.labels.reduce((n, label) => n + (label === k ? 1 : 0), 0)));
  const program = await executor.load(head);
  const outcomes: { split: Split; probabilities: Float32Array; evaluation: Evaluation }[] = [];
  for (const { split, data } of held) {
    const probabilities = await probabilitiesOf(program, data);
    outcomes.push({ split, probabilities, evaluation: evaluate(labels, data.labels, probabilities, majority) });
  }
  await program.dispose();
  const [validated, tested] = outcomes.map((o) => o.evaluation);
  const metrics: Record<string, number> = {
    'validation/accuracy': validated!.accuracy,
    'validation/loss': validated!.logLoss,
    ...(test.length > 0 ? { 'test/accuracy': tested!.accuracy } : {}),
  };
  tell({
    type: 'metrics',
    points: Object.entries(metrics).map(([name, value]) => ({ name, step: fitted.epochs, value })),
  });

  tell({ type: 'state', state: 'publishing' });
  progress('publishing', 0, 1);
  const { certificate, export: exported } = await certify(executor, spec, {
    labels,
    head,
    golden: goldenRows(validation.length).map((i) => ({
      example: validation[i]!,
      expected: outcomes[0]!.probabilities.subarray(i * labels.length, (i + 1) * labels.length),
    })),
    verifiedAt: new Date().toISOString(),
  });
  const card = modelCard({
    spec,
    labels,
    counts: { train: train.length, validation: validation.length, test: test.length },
    drawn: !own,
    hyperparameters: { ...hyperparameters, epochs: fitted.epochs },
    features: width,
    validation: validated!,
    test: test.length > 0 ? tested! : null,
    certificate,
  });
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  const file = async (name: string, contentType: string, content: string) => ({
    name,
    contentType,
    path: await leave(spec.outDir, name, content),
  });
  return {
    labels,
    metrics,
    evaluation: {
      ...validated!,
      validation: own ? 'own split' : 'drawn',
      ...(test.length > 0 ? { test: tested! } : {}),
    },
    examples: held.flatMap(({ split, list }, i) => predictions(labels, split, list, outcomes[i]!.probabilities)),
    certificate,
    export: exported,
    head: await leave(spec.outDir, 'head.onnx', head),
    files: [
      await file('labels.json', 'application/json', json(labels)),
      await file('preprocessing.json', 'application/json', json(spec.preprocessing)),
      await file('README.md', 'text/markdown; charset=utf-8', card),
    ],
  };
}

const hyperparametersOf = (
  h: Hyperparameters,
  resolved: { epochs: number; learningRate: number; batchSize: number; weightDecay: number },
) => ({
  ...resolved,
  seed: h.seed,
  labelSmoothing: h.labelSmoothing,
});

/** Splits, and the labels in their order; what cannot be measured (a class never trained on) is left out and said. */
function parts(spec: RunSpec, tell: (message: FromChild) => void) {
  const splits = splitExamples(spec.examples, spec.fraction, spec.hyperparameters.seed);
  const labels = [...new Set(splits.train.map((e) => e.label))].sort();
  if (labels.length < 2)
    throw new GraftError(
      'job-impossible',
      `There ${labels.length === 1 ? `is one class ('${labels[0]}')` : 'are no examples'} to train on; a classifier needs two or more.`,
    );
  const known = new Set(labels);
  const measurable = (list: readonly RunExample[], split: Split) => {
    const kept = list.filter((e) => known.has(e.label));
    if (kept.length < list.length)
      tell({
        type: 'log',
        level: 'warning',
        message: `${list.length - kept.length} ${split} examples are of classes that have no training example and are left out`,
        data: { classes: [...new Set(list.filter((e) => !known.has(e.label)).map((e) => e.label))].slice(0, 20) },
      });
    return kept;
  };
  const validation = measurable(splits.validation, 'validation');
  if (validation.length === 0)
    throw new GraftError(
      'job-impossible',
      'No example is left to validate with. Add examples (two or more of a class), or a validation split.',
    );
  return { train: splits.train, validation, test: measurable(splits.test, 'test'), labels, own: splits.own };
}

async function probabilitiesOf(
  program: { run: Awaited<ReturnType<Executor['load']>>['run'] },
  data: HeadData,
): Promise<Float32Array> {
  const out = new Float32Array(data.n * data.classes);
  const rows = 4096;
  for (let at = 0; at < data.n; at += rows) {
    const part = data.features.subarray(at * data.width, Math.min(data.n, at + rows) * data.width);
    const dims = [part.length / data.width, data.width];
    const { probabilities } = await program.run({ features: { dataType: 'float32', dims, data: part } }, [
      'probabilities',
    ]);
    out.set(probabilities!.data as Float32Array, at * data.classes);
  }
  return out;
}

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
