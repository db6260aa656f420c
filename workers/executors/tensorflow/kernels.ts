import { ATTRIBUTE, type KernelAttribute } from './addon.js';

type Kind = keyof typeof ATTRIBUTE;
export type AttributeInput = string | number | boolean | readonly number[];
export type KernelAttributes = Readonly<Record<string, AttributeInput>>;

interface Kernel {
  readonly outputs: number;
  /** Names of the attributes that hold the inputs' types, the last for those that follow too. `-`: none does. */
  readonly types: string;
  readonly attributes: Readonly<Record<string, Kind>>;
}

const reduction = (types: string): Kernel => ({ outputs: 1, types, attributes: { keep_dims: 'bool' } });
const window = {
  strides: 'int',
  padding: 'string',
  explicit_paddings: 'int',
  data_format: 'string',
  dilations: 'int',
} as const;
const pool = { ksize: 'int', strides: 'int', padding: 'string', data_format: 'string' } as const;
const norm = { epsilon: 'float', data_format: 'string', is_training: 'bool' } as const;
const one = (attributes: Kernel['attributes'], types = 'T', outputs = 1): Kernel => ({ outputs, types, attributes });
/** Kernels without attributes of their own, by the names of their inputs' types. */
const typed = (types: string, names: string): Record<string, Kernel> =>
  Object.fromEntries(names.split(/\s+/).map((name) => [name, one({}, types)]));

/**
 * Every TensorFlow kernel that the engine runs, with the attributes that it gives. The library passes over a name that it
 * does not know without a word, so names are looked up here and an unknown one throws. Attributes that the library infers
 * from single inputs (`T` and the like) are not given; of lists it infers none.
 */
const KERNELS: Readonly<Record<string, Kernel>> = {
  ...typed(
    'T',
    `Abs Acos Acosh AddV2 DivNoNan Asin Asinh Atan Atanh Ceil Cos Cosh Div Elu Equal Erf Exp Floor FloorMod Greater
    GreaterEqual Identity IsFinite IsInf IsNan L2Loss LeftShift Less LessEqual Log LogSoftmax Maximum Minimum Mod Mul
    Neg NotEqual Pow RealDiv Reciprocal Relu Relu6 Relu6Grad ReluGrad Rint RightShift Round Rsqrt Selu Sigmoid
    SigmoidGrad Sign Sin Sinh Softmax Softplus Softsign Sqrt Square SquaredDifference Sub Tan Tanh TanhGrad
    TruncateDiv TruncateMod Where Xdivy BitwiseAnd BitwiseOr BitwiseXor Invert Expm1 Log1p`,
  ),
  ...typed('T Tidx', 'BroadcastTo ReverseV2'),
  ...typed('T Tindices T', 'TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterUpdate'),
  ...typed('-', 'LogicalAnd LogicalOr LogicalNot'),
  ...typed('- T', 'Select SelectV2'),
  ...typed('index_type T', 'Fill'),
  ...typed('Tparams Tindices', 'GatherNd'),
  ...typed('T Tindex', 'MatrixBandPart'),
  ...typed('TI - T', 'OneHot'),
  ...typed('T Tpaddings', 'Pad'),
  ...typed('T Tpaddings T', 'PadV2'),
  ...typed('Tidx', 'Range'),
  ...typed('T Tshape', 'Reshape'),
  ...typed('T Index', 'Slice'),
  ...typed('T Tmultiples', 'Tile'),
  ...typed('T Tperm', 'Transpose'),
  ...typed('T Tindices Tnumsegments', 'UnsortedSegmentSum'),
  ...Object.fromEntries(['Sum', 'Mean', 'Max', 'Min', 'Prod'].map((name) => [name, reduction('T Tidx')])),
  All: reduction('- Tidx'),
  Any: reduction('- Tidx'),
  ArgMax: one({ output_type: 'type' }, 'T Tidx'),
  ArgMin: one({ output_type: 'type' }, 'T Tidx'),
  AvgPool: one(pool),
  AvgPoolGrad: one(pool, '- T'),
  BatchMatMulV2: one({ adj_x: 'bool', adj_y: 'bool' }),
  BiasAdd: one({ data_format: 'string' }),
  BiasAddGrad: one({ data_format: 'string' }),
  Bitcast: one({ type: 'type' }),
  Cast: one({ DstT: 'type', Truncate: 'bool' }, 'SrcT'),
  ConcatV2: one({ N: 'int', T: 'type' }, '-'),
  Conv2D: one(window),
  Conv2DBackpropFilter: one(window, 'T - T'),
  Conv2DBackpropInput: one(window, '- T'),
  Conv3D: one({ strides: 'int', padding: 'string', data_format: 'string' }),
  Conv3DBackpropInputV2: one({ strides: 'int', padding: 'string', data_format: 'string' }, 'Tshape T'),
  Cumsum: one({ exclusive: 'bool', reverse: 'bool' }, 'T Tidx'),
  Cumprod: one({ exclusive: 'bool', reverse: 'bool' }, 'T Tidx'),
  DepthwiseConv2dNative: one(window),
  DepthwiseConv2dNativeBackpropFilter: one(window, 'T - T'),
  DepthwiseConv2dNativeBackpropInput: one(window, '- T'),
  Einsum: one({ N: 'int', T: 'type', equation: 'string' }, '-'),
  FusedBatchNormGradV3: one(norm, 'T T - U', 5),
  FusedBatchNormV3: one({ ...norm, exponential_avg_factor: 'float' }, 'T U', 6),
  GatherV2: one({ batch_dims: 'int' }, 'Tparams Tindices Taxis'),
  LeakyRelu: one({ alpha: 'float' }),
  LRN: one({ depth_radius: 'int', bias: 'float', alpha: 'float', beta: 'float' }),
  MatMul: one({ transpose_a: 'bool', transpose_b: 'bool' }),
  MaxPool: one(pool),
  MaxPoolGrad: one(pool),
  MirrorPad: one({ mode: 'string' }, 'T Tpaddings'),
  Split: one({ num_split: 'int' }, '- T'),
  SplitV: one({ num_split: 'int' }, 'T Tlen -'),
  StridedSlice: one(
    {
      begin_mask: 'int',
      end_mask: 'int',
      ellipsis_mask: 'int',
      new_axis_mask: 'int',
      shrink_axis_mask: 'int',
    },
    'T Index',
  ),
  TopKV2: one({ sorted: 'bool' }, 'T -', 2),
};

/** A kernel's attributes that the library infers when it runs it alone: the types of its inputs, by their numbers. */
export function inputTypes(name: string, types: readonly number[]): ReadonlyMap<string, number> {
  const names = kernel(name).types.split(' ');
  const found = new Map(types.map((type, i) => [names[Math.min(i, names.length - 1)] as string, type]));
  found.delete('-');
  return found;
}

/** How many results a kernel gives; `num_split` says it for those that divide. */
export function outputsOf(name: string, attributes: KernelAttributes): number {
  return typeof attributes.num_split === 'number' ? attributes.num_split : kernel(name).outputs;
}

/** Attributes as the addon takes them. Throws a RangeError naming a kernel or an attribute that is not in the table. */
export function preparedAttributes(name: string, given: KernelAttributes): readonly KernelAttribute[] {
  const { attributes } = kernel(name);
  return Object.entries(given).map(([key, value]) => {
    const kind = attributes[key];
    if (kind === undefined)
      throw new RangeError(
        `The kernel ${name} has no attribute '${key}'; it has ${Object.keys(attributes).join(', ') || 'none'}.`,
      );
    if (!fits(kind, value))
      throw new RangeError(`The attribute '${key}' of ${name} is a ${kind}, not ${JSON.stringify(value)}.`);
    return { name: key, type: ATTRIBUTE[kind], value };
  });
}

function kernel(name: string): Kernel {
  const found = KERNELS[name];
  if (found === undefined) throw new RangeError(`The table of kernels has no ${name}.`);
  return found;
}

function fits(kind: Kind, value: AttributeInput): boolean {
  if (kind === 'string') return typeof value === 'string';
  if (kind === 'bool') return typeof value === 'boolean';
  if (kind === 'float') return typeof value === 'number';
  const whole = (v: number): boolean => Number.isSafeInteger(v);
  if (kind === 'type') return typeof value === 'number' && whole(value);
  return typeof value === 'number' ? whole(value) : Array.isArray(value) && value.every(whole);
}
