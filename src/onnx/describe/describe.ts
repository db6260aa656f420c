import { quantised } from '../check/operators.js';
import { cut } from '../cut.js';
import type { RuleTable } from '../differentiate/rule.js';
import { standardRules } from '../differentiate/table.js';
import { isHalf } from '../float32.js';
import type { Model, Shapes, ValueInfo } from '../types.js';
import { type FoundClassifier, type FoundCut, findCuts } from './cuts.js';
import { isTokenIds } from './hidden-state.js';
import { scalingRange } from './input-scaling.js';
import {
  findPreprocessing,
  type ImageInput,
  type ImagePreprocessing,
  type PreprocessingSource,
} from './preprocessing.js';
import { structure } from './structure.js';
import { parameterCount, trainable } from './trainable.js';

export interface DescribedValue {
  readonly name: string;
  readonly type: string;
  /** '?' stands for a dimension of which the file says nothing. */
  readonly shape: readonly (number | string)[];
}
/** What a base is, found by structure; field names are those of the HTTP contract where it has them. */
export interface BaseDescription {
  readonly opset: number;
  readonly license: string | null;
  readonly inputs: readonly DescribedValue[];
  readonly outputs: readonly DescribedValue[];
  /** Axis of the examples, and how many the file is fixed to (null: any number). */
  readonly batchAxis: 0;
  readonly batch: number | null;
  readonly imageInput: ImageInput | null;
  /** null where there is no image input, or one that is not square. */
  readonly preprocessing: ImagePreprocessing | null;
  readonly preprocessingSource: PreprocessingSource | null;
  readonly cuts: readonly FoundCut[];
  readonly classifier: FoundClassifier | null;
  /** Of an encoder of texts: what stands above the default cut reads the vector of the first token, as a classifier's does. */
  readonly readsFirstToken: boolean;
  /** Numbers that training may change: float constants that layers read, without running statistics. */
  readonly parameters: number;
  /** Whether layers below a head can be trained, at the default cut. */
  readonly training: { readonly supported: boolean; readonly unsupportedOperators: readonly string[] };
  readonly tasks: readonly ('image-classification' | 'text-classification')[];
  /** What a user should know and may not expect. */
  readonly notes: readonly string[];
}

export interface DescribeOptions {
  /** Every tensor's type and size from one run (`measureShapes`); its batch is the first size of the image input. */
  readonly shapes: Shapes;
  /** Parsed preprocessor_config.json and config.json of a hub folder, if there are any. */
  readonly preprocessorConfig?: unknown;
  readonly config?: unknown;
  readonly rules?: RuleTable;
}

/** Describes a model that passed `check`. */
export function describe(model: Model, o: DescribeOptions): BaseDescription {
  const { graph } = model;
  const notes: string[] = [];
  const input = graph.inputs.find((v) => isImage(o.shapes.get(v.name)?.dims ?? [], v));
  const imageInput = input ? imageOf(input, o.shapes.get(input.name)?.dims ?? []) : null;
  const anyInput = input ?? graph.inputs[0];
  const batch = o.shapes.get(anyInput?.name ?? '')?.dims[0] ?? 1;
  const known = structure(model, o.shapes, batch);
  const { cuts, classifier, hidden } = findCuts(known, labelCount(o.config), imageInput !== null);
  const square = imageInput !== null && imageInput.height === imageInput.width;
  const range = imageInput && scalingRange(graph, imageInput.name);
  const found =
    imageInput && square ? findPreprocessing(imageInput, model.metadata, o.preprocessorConfig, range) : null;
  const fixed = anyInput?.shape?.[0];
  if (imageInput && !square)
    notes.push(
      `The image input is ${imageInput.width}x${imageInput.height}; only square inputs are taken for image tasks.`,
    );
  if (found?.source === 'graph')
    notes.push(`The network scales pixels itself: it is given those from 0 to ${range === 'bytes' ? 255 : 1}.`);
  if (found?.source === 'assumed')
    notes.push("The file does not say how images are prepared; ImageNet's way is assumed.");
  if (typeof fixed === 'number')
    notes.push(`The model is fixed to ${fixed} example${fixed === 1 ? '' : 's'} at a time.`);
  if (isHalf(model)) notes.push('The model is stored in float16; it is computed and exported in float32.');
  if (hidden !== null && hidden.perToken !== null)
    notes.push(
      `It ends in a head that gives ${hidden.perToken} numbers for each token, as language models and token classifiers do; it is cut below that.`,
    );
  if (cuts.length === 0) notes.push('No tensor with one row of features per example was found.');
  const best = cuts.find((c) => c.default);
  const below = best ? cut(model, best.tensor).graph : graph;
  if (graph.nodes.some((n) => quantised(n.opType)))
    notes.push('The model is quantised to integers: its features can be used, but its layers cannot be trained.');
  const others = below.inputs.filter((v) => v.name !== input?.name).map((v) => v.name);
  if (imageInput && others.length > 0) notes.push(`Besides the image it needs the inputs ${others.join(', ')}.`);
  const { stops, controlFlow, ...training } = trainable(below, model, o.rules ?? standardRules());
  if (controlFlow.length > 0)
    notes.push(`The model decides as it runs (${controlFlow.join(', ')}): layers on that way cannot be trained.`);
  if (stops.length > 0)
    notes.push(`Some layers learn nothing in training: no gradient passes ${stops.join(', ')}, which they lead to.`);
  const usable = best !== undefined && found !== null && others.length === 0 && below.inputs.length === 1;
  return {
    opset: model.opsets.get('') ?? 0,
    license: licenseOf(model, o.config),
    inputs: graph.inputs.map(described),
    outputs: graph.outputs.map(described),
    batchAxis: 0,
    batch: typeof fixed === 'number' ? fixed : null,
    imageInput,
    preprocessing: found?.preprocessing ?? null,
    preprocessingSource: found?.source ?? null,
    cuts,
    classifier,
    readsFirstToken: hidden?.firstToken ?? false,
    parameters: parameterCount(graph),
    training,
    tasks: usable
      ? ['image-classification']
      : !imageInput && graph.inputs.some(isTokenIds) && best?.kind === 'tokens'
        ? ['text-classification']
        : [],
    notes,
  };
}

const described = (v: ValueInfo): DescribedValue => ({
  name: v.name,
  type: v.dataType,
  shape: (v.shape ?? []).map((d) => (d === '' ? '?' : d)),
});

const IMAGE_CHANNELS = [3, 1, 4];
const isImage = (dims: readonly number[], v: ValueInfo): boolean => layoutOf(v, dims) !== null;

/** Channels are the axis of 3 (or 1, or 4) that the file fixes; first or last. */
function layoutOf(v: ValueInfo, dims: readonly number[]): 'NCHW' | 'NHWC' | null {
  if (dims.length !== 4 || !/^(float32|float16|uint8)$/.test(v.dataType)) return null;
  const [, c, h, w] = dims as [number, number, number, number];
  if (IMAGE_CHANNELS.includes(c) && h > 4 && w > 4) return 'NCHW';
  return IMAGE_CHANNELS.includes(w) && c > 4 && h > 4 ? 'NHWC' : null;
}
function imageOf(v: ValueInfo, dims: readonly number[]): ImageInput | null {
  const layout = layoutOf(v, dims);
  if (!layout) return null;
  const [channels, height, width] = (layout === 'NCHW' ? [dims[1], dims[2], dims[3]] : [dims[3], dims[1], dims[2]]) as [
    number,
    number,
    number,
  ];
  return { name: v.name, dataType: v.dataType, channels, height, width, layout };
}

function labelCount(config: unknown): number | null {
  if (typeof config !== 'object' || config === null) return null;
  const c = config as { id2label?: unknown; num_labels?: unknown };
  if (typeof c.num_labels === 'number') return c.num_labels;
  return typeof c.id2label === 'object' && c.id2label !== null ? Object.keys(c.id2label).length : null;
}
function licenseOf(model: Model, config: unknown): string | null {
  const said = [...model.metadata].find(([key]) => /^licen[cs]e$/i.test(key))?.[1];
  if (said) return said;
  const c = config as { license?: unknown } | null | undefined;
  return typeof c?.license === 'string' ? c.license : null;
}
