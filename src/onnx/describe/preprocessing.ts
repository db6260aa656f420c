/**
 * What happens to a decoded image before the network: short side to `resize`, centre `crop`, then per channel
 * (pixel * scale - mean) / std with pixels from 0 to 255.
 */
export interface ImagePreprocessing {
  readonly resize: number;
  readonly crop: number;
  readonly layout: 'NCHW' | 'NHWC';
  readonly channels: 'RGB' | 'BGR' | 'GRAY';
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}
export type PreprocessingSource = 'metadata' | 'preprocessor_config' | 'graph' | 'assumed';

export interface ImageInput {
  readonly name: string;
  readonly dataType: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly layout: 'NCHW' | 'NHWC';
}

const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
/** ImageNet models are evaluated on a centre crop of 0.875 of the resized image; small pictures (CIFAR) are used whole. */
const resizeFor = (crop: number): number => (crop >= 128 ? Math.round(crop / 0.875) : crop);
const spread = (values: readonly number[], channels: number): readonly number[] =>
  values.length === channels
    ? values
    : Array.from({ length: channels }, (_, i) => values[Math.min(i, values.length - 1)] ?? 0);

/**
 * Finds the preprocessing of a square image input: said by the file, said by the hub's file, told by what the graph itself
 * does to pixels (`range`, see `scalingRange`), or assumed: bytes as they are for an input of bytes, else as ImageNet's.
 */
export function findPreprocessing(
  input: ImageInput,
  metadata: ReadonlyMap<string, string>,
  preprocessorConfig: unknown,
  range: 'bytes' | 'unit' | null,
): { readonly preprocessing: ImagePreprocessing; readonly source: PreprocessingSource } {
  const crop = input.height;
  const base = {
    resize: resizeFor(crop),
    crop,
    layout: input.layout,
    channels: input.channels === 1 ? ('GRAY' as const) : ('RGB' as const),
    scale: input.dataType === 'uint8' ? 1 : 1 / 255,
    ...(input.channels === 3 && input.dataType !== 'uint8' ? IMAGENET : { mean: [0], std: [1] }),
  };
  const fits = (said: Partial<ImagePreprocessing>): ImagePreprocessing => {
    const all = { ...base, ...said, crop, layout: input.layout };
    return {
      ...all,
      resize: Math.max(all.resize, crop),
      mean: spread(all.mean, input.channels),
      std: spread(all.std, input.channels),
    };
  };
  for (const [key, value] of metadata) {
    if (!/preprocess/i.test(key)) continue;
    const said = fromJson(value) ?? fromWords(value);
    if (said) return { preprocessing: fits(said), source: 'metadata' };
  }
  const hub = fromHub(preprocessorConfig);
  if (hub) return { preprocessing: fits(hub), source: 'preprocessor_config' };
  if (range !== null)
    return { preprocessing: fits({ scale: range === 'bytes' ? 1 : 1 / 255, mean: [0], std: [1] }), source: 'graph' };
  return { preprocessing: fits({}), source: 'assumed' };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const numbersOf = (value: unknown): readonly number[] | undefined =>
  Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === 'number')
    ? (value as number[])
    : undefined;
const positive = (value: unknown): number | undefined => (typeof value === 'number' && value > 0 ? value : undefined);
/** Leaves out what is undefined, so that defaults show through. */
const known = (
  o: { [K in keyof ImagePreprocessing]?: ImagePreprocessing[K] | undefined },
): Partial<ImagePreprocessing> => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined));

/** The form in which this project exports it: the object itself as JSON. */
function fromJson(value: string): Partial<ImagePreprocessing> | null {
  if (!value.trimStart().startsWith('{')) return null;
  try {
    const said: unknown = JSON.parse(value);
    if (!isRecord(said)) return null;
    const { channels } = said;
    return known({
      resize: positive(said.resize),
      scale: positive(said.scale),
      mean: numbersOf(said.mean),
      std: numbersOf(said.std),
      channels: channels === 'RGB' || channels === 'BGR' || channels === 'GRAY' ? channels : undefined,
    });
  } catch {
    return null;
  }
}

const list = (value: string | undefined): readonly number[] | undefined => {
  const found = value?.match(/-?\d+(\.\d+)?/g)?.map(Number);
  return found && found.length > 0 ? found : undefined;
};

/** Words such as "RGB, /255, mean 0.485,0.456,0.406, std 0.229,0.224,0.225", "RGB x/127.5-1", "BGR 0..255". */
function fromWords(value: string): Partial<ImagePreprocessing> | null {
  const channels = /\bBGR\b/i.test(value)
    ? 'BGR'
    : /\b(gray|grey)/i.test(value)
      ? 'GRAY'
      : /\bRGB\b/i.test(value)
        ? 'RGB'
        : undefined;
  const resize = positive(Number(/resize\D{0,12}(\d+)/i.exec(value)?.[1]));
  const numbers = '(-?[\\d.]+(?:\\s*[,/ ]\\s*-?[\\d.]+)*)';
  const mean = list(new RegExp(`mean\\D{0,3}${numbers}`, 'i').exec(value)?.[1]);
  const std = list(new RegExp(`std\\D{0,3}${numbers}`, 'i').exec(value)?.[1]);
  const affine = /\/\s*(\d+(?:\.\d+)?)\s*-\s*(\d+(?:\.\d+)?)/.exec(value);
  if (affine) return known({ channels, resize, scale: 1 / Number(affine[1]), mean: [Number(affine[2])], std: [1] });
  const divided = /\/\s*(\d+(?:\.\d+)?)/.exec(value)?.[1];
  if (mean || std || divided)
    return known({ channels, resize, scale: divided ? 1 / Number(divided) : 1, mean: mean ?? [0], std: std ?? [1] });
  if (/0\s*(\.\.|-|to)\s*255/.test(value)) return known({ channels, resize, scale: 1, mean: [0], std: [1] });
  if (/0\s*(\.\.|-|to)\s*1\b/.test(value)) return known({ channels, resize, scale: 1 / 255, mean: [0], std: [1] });
  return null;
}

/** preprocessor_config.json of a model hub (image processors of the transformers library). */
function fromHub(config: unknown): Partial<ImagePreprocessing> | null {
  if (!isRecord(config) || !('image_mean' in config || 'do_rescale' in config || 'size' in config)) return null;
  const edge = (v: unknown): number | undefined =>
    isRecord(v) ? (positive(v.shortest_edge) ?? positive(v.height)) : positive(v);
  const size = edge(config.size);
  const share = positive(config.crop_pct);
  const normalize = config.do_normalize !== false;
  return known({
    resize:
      config.do_resize === false || size === undefined
        ? undefined
        : share && size < 384
          ? Math.round(size / share)
          : size,
    scale: config.do_rescale === false ? 1 : (positive(config.rescale_factor) ?? 1 / 255),
    mean: normalize ? numbersOf(config.image_mean) : [0],
    std: normalize ? numbersOf(config.image_std) : [1],
  });
}
