import type { Preprocessing, TextInput } from '../../src/domain/types.js';
import { GraftError, type Problem, toProblem } from '../../src/errors.js';
import { createGate } from '../../src/gate.js';
import type { Logger } from '../../src/log.js';
import type {
  Classified,
  LabelProbability,
  PredictAnswer,
  PredictInput,
  Prediction,
  PredictRequest,
} from '../../src/services/predict-protocol.js';
import { createAdmission } from './admission.js';
import type { Asking, Batched } from './batcher.js';
import type { HeldModel, ModelStore } from './models.js';
import { predictText, type Said } from './predict-text.js';

export interface Serving {
  /** Answers every input by itself; throws what concerns them all. Leaves soon after `signal` aborts. */
  predict(request: PredictRequest, signal: AbortSignal): Promise<PredictAnswer>;
  stats(): Readonly<Record<string, number>>;
}
export interface ServingOptions {
  readonly models: ModelStore;
  /** uint8 HWC pixels of an encoded image; throws `input-invalid`. */
  readonly decode: (bytes: Uint8Array, preprocessing: Preprocessing) => Promise<Uint8Array>;
  readonly decodersAtOnce: number;
  readonly maxItems: number;
  readonly log: Logger;
}

/** A short text takes about this share of what a picture does; so many more of them may be inside. */
const TEXTS_A_PICTURE = 4;

/** Codes that say something of the service, not of one input: the whole request fails with them. */
const OF_ALL = new Set(['unavailable', 'overloaded', 'deadline-exceeded', 'not-found']);

export function createServing({ models, decode, decodersAtOnce, maxItems, log }: ServingOptions): Serving {
  const admission = createAdmission(maxItems, 'inputs');
  const gate = createGate(decodersAtOnce);
  const counts = { requests: 0, inputs: 0, inputErrors: 0, failures: 0 };

  async function predict(request: PredictRequest, signal: AbortSignal): Promise<PredictAnswer> {
    const { model, inputs } = request;
    const { preprocessing } = model;
    const leave = admission.enter(preprocessing === null ? Math.ceil(inputs.length / TEXTS_A_PICTURE) : inputs.length);
    counts.requests += 1;
    counts.inputs += inputs.length;
    const loading = models.acquire(model);
    // It may fail while everyone is still decoding; they hear of it when they get there.
    loading.catch(() => undefined);
    const asking: Asking = { signal, of: request };
    const one = async ({ kind, bytes }: PredictInput): Promise<Batched<Said>> => {
      if ((kind === 'image') !== (preprocessing !== null))
        throw new GraftError('input-invalid', `Model ${model.id} takes no ${kind}.`);
      return preprocessing === null
        ? ofText(bytes, model.text, await loading, asking)
        : ofPicture(await gate(() => decode(bytes, preprocessing), signal), await loading, asking);
    };
    try {
      const results = await Promise.allSettled(inputs.map(one));
      signal.throwIfAborted();
      await loading;
      return answer(request, results);
    } catch (error) {
      counts.failures += 1;
      throw error;
    } finally {
      leave();
      loading.then(
        (held) => held.release(),
        () => undefined,
      );
    }
  }

  function answer(
    { model, top }: PredictRequest,
    results: readonly PromiseSettledResult<Batched<Said>>[],
  ): PredictAnswer {
    let [queueMs, batch, runMs] = [0, 0, 0];
    const predictions = results.map((result, index): Prediction => {
      if (result.status === 'rejected') return { error: problemOf(result.reason, model.id, index) };
      queueMs = Math.max(queueMs, result.value.queueMs);
      runMs = Math.max(runMs, result.value.runMs);
      batch = Math.max(batch, result.value.batch);
      const { probabilities, truncated, windows } = result.value.value;
      if (probabilities.length === model.labels.length) {
        const found = classified(probabilities, model.labels, top);
        return { ...found, ...(truncated && { truncated }), ...(windows > 1 && { windows }) };
      }
      const detail = `The model has ${model.labels.length} labels but gives ${probabilities.length} probabilities.`;
      return { error: problemOf(new GraftError('internal', detail), model.id, index) };
    });
    return { predictions, timing: { queueMs: rounded(queueMs), batch, runMs: rounded(runMs) } };
  }

  function problemOf(error: unknown, model: string, index: number): Problem {
    const problem = toProblem(error);
    if (OF_ALL.has(problem.code)) throw error;
    counts.inputErrors += 1;
    if (problem.status >= 500) log.error({ err: error, model }, 'prediction failed');
    // The decoder does not know which of the inputs it was given.
    const errors = problem.errors?.map((item) => (item.path === '' ? { ...item, path: `/inputs/${index}` } : item));
    return errors === undefined ? problem : { ...problem, errors };
  }

  return { predict, stats: () => ({ ...counts, inside: admission.inside, ...models.stats() }) };
}

async function ofPicture(pixels: Uint8Array, { trunk, head }: HeldModel, asking: Asking): Promise<Batched<Said>> {
  const { value, ...times } = await trunk.predict(pixels, head, asking);
  return { ...times, value: { ...value, truncated: false, windows: 1 } };
}

async function ofText(
  bytes: Uint8Array,
  text: TextInput | null,
  { trunk, head, tokenizer }: HeldModel,
  asking: Asking,
): Promise<Batched<Said>> {
  if (text === null || tokenizer === null) throw new GraftError('internal', 'The model has no tokenizer.');
  const given = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  return predictText(given, { trunk, head, tokenizer }, text, asking);
}

/** The `top` most probable labels; equal ones keep the order of the labels. */
export function classified(probabilities: Float32Array, labels: readonly string[], top: number): Classified {
  const order = Array.from(probabilities.keys()).sort((a, b) => at(probabilities, b) - at(probabilities, a));
  const entry = (index: number): LabelProbability => ({
    label: labels[index] ?? '',
    probability: at(probabilities, index),
  });
  return { ...entry(order[0] ?? 0), top: order.slice(0, Math.max(1, top)).map(entry) };
}
const at = (values: Float32Array, index: number): number => values[index] ?? 0;
const rounded = (ms: number): number => Math.round(ms * 100) / 100;
