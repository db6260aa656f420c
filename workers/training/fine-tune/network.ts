import type { TextInput } from '../../../src/domain/types.js';
import { inputShapes, type Model, measureShapes, withDynamicBatch } from '../../../src/onnx/index.js';
import { fedPixels, imageTrunk } from '../../../src/tasks/image-classification/compose.js';
import { channelsOf } from '../../../src/tasks/image-classification/pixel-input.js';
import { textTrunk } from '../../../src/tasks/text-classification/compose.js';
import type { Executor } from '../../executors/executor.js';
import { shapeRunner } from '../../executors/onnxruntime.js';
import { extractFeatures } from '../features.js';
import type { JobTexts } from '../job-texts.js';
import type { PictureRunInput, RunExample } from '../messages.js';
import type { MethodInput } from '../method.js';
import { numbersOf } from '../parts.js';
import { bucketed } from './buckets.js';
import { wordTables } from './embeddings.js';
import { freshWeights } from './fresh.js';
import type { TuneGraphs } from './graphs.js';
import { AHEAD } from './loop.js';
import type { HeldSource } from './measure.js';
import { augmentedBytes, augmentedPictures } from './pictures.js';
import type { TuneSource } from './plan.js';
import type { TuneSettings } from './settings.js';
import { heldBytes, heldPictures, heldRows, rowSource } from './sources.js';
import { heldTexts, textPart, textSource } from './texts.js';

export interface Sources {
  readonly train: TuneSource;
  readonly validation: HeldSource;
  readonly test: HeldSource;
  close(): Promise<void>;
}
type Sizing = Pick<TuneSettings, 'augmentation' | 'batchSize'>;

/** What differs between kinds of examples: the graph that reads them, and where they come from. */
export interface TunedNetwork {
  /** Whose layers are trained: the base up to the cut, its weights fresh where it is trained from scratch. */
  readonly own: Model;
  /** `own` as it is fed. */
  readonly trunk: Model;
  /** Whether what lies below the trained layers may run once per example, its rows being of one size. */
  readonly keepsFrozen: boolean;
  /** Of texts: how they are read, and the tables of the words' vectors. */
  readonly text: { readonly input: TextInput; readonly tables: ReadonlySet<string> } | null;
  /** Lengths that texts are padded to for these settings, short ones first; none for other examples. */
  lengths(settings: Sizing): readonly number[];
  /** Bytes of examples that a run keeps in memory. */
  bytes(graphs: TuneGraphs, settings: TuneSettings): number;
  sources(graphs: TuneGraphs, settings: TuneSettings): Promise<Sources>;
}

const examplesOf = ({ parts: { train, validation, test } }: MethodInput) => [...train, ...validation, ...test];

export async function tunedNetwork(o: MethodInput, base: Model): Promise<TunedNetwork> {
  const { input, method } = o.spec;
  const weights = (model: Model) =>
    method.type === 'scratch' ? freshWeights(model, o.spec.hyperparameters.seed) : model;
  if (input.kind === 'image') return pictures(o, base, input, weights);
  if (o.texts === null) throw new Error('the texts of the job are not there');
  return texts(o, base, o.texts, weights);
}

function texts(
  { spec, parts }: MethodInput,
  base: Model,
  { input, table, most, read }: JobTexts,
  weights: (model: Model) => Model,
): TunedNetwork {
  const own = weights(textTrunk(base, spec.cut, input.text));
  const fixed = own.graph.inputs[0]!.shape?.[1];
  const { counts } = table;
  const padTo = ({ batchSize }: Sizing) =>
    typeof fixed === 'number' ? counts.map(() => fixed) : bucketed(counts, most, batchSize);
  return {
    own,
    trunk: own,
    keepsFrozen: false,
    text: { input: input.text, tables: wordTables(own, input.text.inputs.ids) },
    lengths: (settings) => [...new Set(padTo(settings))].sort((a, b) => a - b),
    bytes: () => 4 * 5 * counts.length,
    async sources(_graphs, settings) {
      const all = { read, lengths: padTo(settings) };
      const { train, validation, test, labels } = parts;
      const numbers = (list: readonly RunExample[]) => numbersOf(list, labels);
      return {
        train: textSource(all, textPart(table, 0, train.length), numbers(train), labels.length),
        validation: heldTexts(all, textPart(table, train.length, validation.length), numbers(validation)),
        test: heldTexts(all, textPart(table, train.length + validation.length, test.length), numbers(test)),
        close: async () => {},
      };
    },
  };
}

/** The part of a base for pictures up to the cut, for any number of examples. */
export function pictureNetwork(base: Model, cut: string): Model {
  const image = imageTrunk(base, cut);
  return typeof image.graph.inputs[0]!.shape?.[0] === 'number' ? withDynamicBatch(image) : image;
}

/** Features of a trunk whose description does not tell their number. */
export async function measuredWidth(executor: Executor, trunk: Model): Promise<number> {
  const shapes = await measureShapes(trunk, inputShapes(trunk, { batch: 1 }), shapeRunner(executor));
  return shapes.get(trunk.graph.outputs[0]!.name)!.dims.at(-1)!;
}

/** Rows of a frozen part up to this size are kept; what is larger is computed in every step. */
const MOST_FROZEN_BYTES = 1024 * 1024 * 1024;

function pictures(
  o: MethodInput,
  base: Model,
  { preprocessing }: PictureRunInput,
  weights: (model: Model) => Model,
): TunedNetwork {
  const { spec, parts } = o;
  const { train, validation, test, labels } = parts;
  const own = weights(pictureNetwork(base, spec.cut));
  const bytes = preprocessing.crop ** 2 * channelsOf(preprocessing);
  const rowBytes = (width: number) => examplesOf(o).length * width * 4;
  const keeps = ({ below }: TuneGraphs) => below !== null && rowBytes(below.width) <= MOST_FROZEN_BYTES;
  return {
    own,
    trunk: fedPixels(own, preprocessing),
    keepsFrozen: true,
    text: null,
    lengths: () => [],
    bytes: (graphs, settings) =>
      keeps(graphs)
        ? rowBytes(graphs.below!.width)
        : augmentedBytes(preprocessing, train.length, settings, AHEAD) +
          heldBytes(validation.length, bytes) +
          heldBytes(test.length, bytes),
    async sources(graphs, settings) {
      if (keeps(graphs)) return frozenRows(o, graphs.below!);
      const numbers = (list: readonly RunExample[]) => numbersOf(list, labels);
      const varied = await augmentedPictures(spec, train, numbers(train), labels.length, settings, AHEAD);
      return {
        train: varied,
        validation: heldPictures(spec.packPath, validation, numbers(validation), preprocessing, bytes),
        test: heldPictures(spec.packPath, test, numbers(test), preprocessing, bytes),
        close: () => varied.close(),
      };
    },
  };
}

async function frozenRows(o: MethodInput, below: NonNullable<TuneGraphs['below']>): Promise<Sources> {
  const { forward, spec, progress } = o;
  const { train, validation, test, labels } = o.parts;
  const examples = examplesOf(o);
  const layers = spec.method.type === 'fineTuning' ? String(spec.method.layers) : 'all';
  const cut = `${spec.cut}, below the last ${layers} layers`;
  const { values, width } = await extractFeatures(
    forward,
    { ...spec, cut, width: below.width, trunk: () => below.model },
    examples,
    (done) => progress('frozen', done, examples.length),
  );
  const numbers = (list: readonly RunExample[]) => numbersOf(list, labels);
  const rows = (from: number, n: number) => values.subarray(from * width, (from + n) * width);
  const n = train.length + validation.length;
  return {
    train: rowSource(rows(0, train.length), width, numbers(train), labels.length),
    validation: heldRows(rows(train.length, validation.length), width, numbers(validation)),
    test: heldRows(rows(n, test.length), width, numbers(test)),
    close: async () => {},
  };
}
