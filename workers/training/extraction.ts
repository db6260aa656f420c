import type { Hyperparameters } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import { encodeModel, linearHead } from '../../src/onnx/index.js';
import type { Executor } from '../executors/executor.js';
import { choices, tellChosen } from './choices.js';
import { chosenClassWeights, weightsOf } from './class-weights.js';
import { extractFeatures } from './features.js';
import { firstNonFinite, foldScale, type HeadData, scaleOf, standardise } from './head-data.js';
import { fitHead } from './head-fit.js';
import { search } from './head-search.js';
import type { RunExample } from './messages.js';
import type { MethodInput, MethodResult } from './method.js';
import { countsOf, numbersOf } from './parts.js';

/** Opset of heads: every operator in them means the same from here to the newest. */
const HEAD_OPSET = 13;

export interface Extraction extends MethodResult {
  /** The head on raw features: weight [classes, features], bias [classes]. */
  readonly linear: { readonly weight: Float32Array; readonly bias: Float32Array };
}

/** The head as a file of its own. */
export function headFile(linear: Extraction['linear']): Uint8Array {
  const classes = linear.bias.length;
  const features = linear.weight.length / classes;
  return Buffer.concat(
    encodeModel(linearHead({ features, classes, opset: HEAD_OPSET, probabilities: true, ...linear })),
  );
}

/** Feature extraction: the base as it is, and a linear head trained on its features. */
export async function featureExtraction(o: MethodInput, given: Hyperparameters): Promise<Extraction> {
  const { executor, forward, spec, control, tell, progress } = o;
  const { train, validation, test, labels } = o.parts;
  const examples = [...train, ...validation, ...test];
  const source = { ...spec, readBase: o.readBase, ...(o.texts !== null && { texts: o.texts }) };
  const features = await extractFeatures(forward, source, examples, (done) =>
    progress('features', done, examples.length),
  );
  const { width } = features;
  const bad = firstNonFinite(features.values);
  if (bad >= 0)
    throw new GraftError(
      'job-impossible',
      `The base gives numbers that are not finite for '${examples[Math.floor(bad / width)]!.path}' at the tensor '${spec.cut}'. Check the base's preprocessing, or choose another cut.`,
    );
  const notes = choices();
  const trainLabels = numbersOf(train, labels);
  const counts = countsOf(trainLabels, labels.length);
  const classWeights = chosenClassWeights(given.classWeights, counts, notes.pick);
  const labelSmoothing = notes.pick('labelSmoothing', given.labelSmoothing, 0, 'the penalty on the weights guards');
  const weights = weightsOf(classWeights, labels, counts);
  const dataOf = (list: readonly RunExample[], from: number): HeadData => ({
    features: features.values.subarray(from * width, (from + list.length) * width),
    labels: list === train ? trainLabels : numbersOf(list, labels),
    n: list.length,
    width,
    classes: labels.length,
    weights,
  });
  const trainData = dataOf(train, 0);
  const validationData = dataOf(validation, train.length);
  const testData = dataOf(test, train.length + validation.length);

  tell({ type: 'state', state: 'running' });
  progress('head', 0, 1);
  const scale = scaleOf(trainData);
  standardise(trainData.features, scale);
  const { heldOutLoss, candidates, ...resolved } = await search(
    executor,
    trainData,
    { ...given, labelSmoothing },
    control,
    notes.pick,
  );
  const hyperparameters: Hyperparameters = { ...given, ...resolved, labelSmoothing, classWeights };
  const fineTuned = spec.method.type !== 'featureExtraction';
  if (!fineTuned) tell({ type: 'resolved', hyperparameters, engine: executor.engine });
  tellChosen(tell, fineTuned ? 'chose for the head, which is trained first' : 'chose', notes.chosen(), {
    ...(heldOutLoss !== null && { heldOutLoss, candidates }),
  });
  const watched = { ...validationData, features: standardise(validationData.features.slice(), scale) };
  const settings = { ...resolved, seed: given.seed, labelSmoothing };
  const fitted = await fitHead(executor, trainData, watched, settings, control, (epoch, points) => {
    // What a fine-tuning reports are its own epochs.
    if (points.length > 0 && !fineTuned) tell({ type: 'metrics', points });
    progress('head', epoch, resolved.epochs);
  });
  const linear = foldScale(fitted, scale);
  const head = headFile(linear);
  const program = await executor.load(head);
  const probabilities = {
    validation: await probabilitiesOf(program, validationData),
    test: await probabilitiesOf(program, testData),
  };
  await program.dispose();
  return {
    hyperparameters,
    epochs: fitted.epochs,
    features: width,
    head,
    linear,
    kept: null,
    changed: null,
    probabilities,
  };
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
