import { readFile } from 'node:fs/promises';
import { decodeModel, type Model } from '../../src/onnx/index.js';
import { textJson, textTrunk } from '../../src/tasks/text-classification/compose.js';
import { type LengthBatch, lengthBatches, type TokenTexts, textFeeds } from '../data/text/batches.js';
import { tokenWindows } from '../data/text/tokens.js';
import type { Executor, Program } from '../executors/executor.js';
import type { FeatureSource, FeaturesSpec } from './feature-source.js';
import type { RunExample, TextRunInput } from './messages.js';

/** Changes whenever the same text would give other features: the tokenizing or the trunk's making changed. */
const RECIPE = 'text-1';

interface Trunk {
  readonly program: Program;
  readonly model: Model;
  /** What the file is fixed to, or null where texts may be of any length. */
  readonly length: number | null;
}

/** Features of texts: tokenized on a thread while the engine runs those before, in batches of texts of about one length. */
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
    forward: async (examples, onBatch) => forward(await trunk(), spec, input, examples, onBatch),
    dispose: async () => made?.then((t) => t.program.dispose()),
  };
}

async function compiled(executor: Executor, spec: FeaturesSpec, { text }: TextRunInput): Promise<Trunk> {
  const model = spec.trunk?.() ?? textTrunk(decodeModel(await readFile(spec.base.path)), spec.cut, text);
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

async function forward(
  trunk: Trunk,
  { packPath }: FeaturesSpec,
  input: TextRunInput,
  examples: readonly RunExample[],
  onBatch: Parameters<FeatureSource['forward']>[1],
): Promise<void> {
  const most = Math.min(input.text.maxLength, trunk.length ?? Number.POSITIVE_INFINITY);
  let from = 0;
  for await (const texts of tokenWindows({ tokenizerPath: input.tokenizer.path, packPath, most }, examples)) {
    for (const batch of lengthBatches(texts.starts, most)) {
      const features = await runTrunk(trunk, input, texts, batch);
      onBatch(
        batch.rows.map((row) => examples[from + row]!),
        features,
      );
      // The engine blocks this thread: what it is told meanwhile is heard between two batches.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    from += texts.starts.length - 1;
  }
}
