import type { Model } from '../../src/onnx/index.js';
import { textJson, textTrunk } from '../../src/tasks/text-classification/compose.js';
import { type LengthBatch, lengthBatches, type TokenTexts, textFeeds } from '../data/text/batches.js';
import type { Executor, Program } from '../executors/executor.js';
import { baseReader } from './base-file.js';
import type { FeatureSource, FeaturesSpec } from './feature-source.js';
import type { JobTexts } from './job-texts.js';
import type { RunExample, TextRunInput } from './messages.js';

/** Changes whenever the same text would give other features: the tokenizing or the trunk's making changed. */
const RECIPE = 'text-2';

interface Trunk {
  readonly program: Program;
  readonly model: Model;
  /** What the file is fixed to, or null where texts may be of any length. */
  readonly length: number | null;
}

/** Features of texts, in batches of rows of about one length; those of a text in windows are the mean of theirs, by tokens. */
export function textFeatures(executor: Executor, spec: FeaturesSpec, input: TextRunInput): FeatureSource {
  let made: Promise<Trunk> | null = null;
  const trunk = () => {
    made ??= compiled(executor, spec, input);
    return made;
  };
  return {
    meaning: [RECIPE, `${textJson(input.text)} ${input.tokenizer.digest}`],
    async width() {
      const { text } = input;
      const nothing: TokenTexts = { ids: Int32Array.of(text.padId), starts: Int32Array.of(0, 1) };
      return (await runTrunk(await trunk(), input, nothing, { rows: [0], length: 1 })).length;
    },
    async forward(examples, onBatch) {
      const { texts } = spec;
      if (texts === undefined) throw new Error('the texts of the job are not there');
      for (let at = 0; at < examples.length; at += WINDOW)
        await forward(await trunk(), texts, input, examples.slice(at, at + WINDOW), onBatch);
    },
    dispose: async () => made?.then((t) => t.program.dispose()),
  };
}

async function compiled(executor: Executor, spec: FeaturesSpec, { text }: TextRunInput): Promise<Trunk> {
  const read = spec.readBase ?? baseReader(spec.base);
  const model = spec.trunk?.() ?? textTrunk((await read()).model, spec.cut, text);
  const length = model.graph.inputs[0]?.shape?.[1];
  return { program: await executor.compile(model), model, length: typeof length === 'number' ? length : null };
}

async function runTrunk(
  { program, model, length }: Trunk,
  { text }: TextRunInput,
  texts: TokenTexts,
  batch: LengthBatch,
): Promise<Float32Array> {
  const output = program.outputs[0]!;
  const feeds = textFeeds(model.graph.inputs, text, texts, length === null ? batch : { ...batch, length });
  return (await program.run(feeds, [output]))[output]!.data as Float32Array;
}

/** Texts whose rows are sorted by length together: enough for full batches of most lengths. */
const WINDOW = 8192;

async function forward(
  trunk: Trunk,
  { table, most, placeOf, read }: JobTexts,
  input: TextRunInput,
  examples: readonly RunExample[],
  onBatch: Parameters<FeatureSource['forward']>[1],
): Promise<void> {
  const rows: number[] = [];
  const of: number[] = [];
  const means = examples.map((example, i) => {
    const place = placeOf(example);
    let [tokens, left] = [0, 0];
    for (let row = table.firstRows[place]!; row < table.firstRows[place + 1]!; row++, left++) {
      rows.push(row);
      of.push(i);
      tokens += table.counts[row]!;
    }
    return { tokens, left, sum: null as Float32Array | null };
  });
  const texts = read(rows);
  for (const batch of lengthBatches(texts.starts, most, 1)) {
    const features = await runTrunk(trunk, input, texts, batch);
    const width = features.length / batch.rows.length;
    const whole: number[] = [];
    batch.rows.forEach((row, k) => {
      const mean = means[of[row]!]!;
      const own = features.subarray(k * width, (k + 1) * width);
      const share = table.counts[rows[row]!]! / mean.tokens;
      mean.sum ??= new Float32Array(width);
      for (let c = 0; c < width; c++) mean.sum[c]! += share * own[c]!;
      if (--mean.left === 0) whole.push(of[row]!);
    });
    const done = new Float32Array(whole.length * width);
    whole.forEach((i, k) => {
      done.set(means[i]!.sum!, k * width);
      means[i]!.sum = null;
    });
    if (whole.length > 0)
      onBatch(
        whole.map((i) => examples[i]!),
        done,
      );
    // The engine blocks this thread: what it is told meanwhile is heard between two batches.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
