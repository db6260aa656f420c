/**
 * The graph as frozen data. Names are the wire's; everything a message holds that is not modelled here travels along as
 * its raw bytes in `extra`, so that decode followed by encode loses nothing.
 */
export const DATA_TYPES = [
  'undefined',
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
  'float8e8m0',
  'uint2',
  'int2',
] as const;
/** The index in `DATA_TYPES` is the number on the wire (TensorProto.DataType). */
export type DataType = (typeof DATA_TYPES)[number];

/** Raw protobuf fields, tag included, kept for writing back. */
export type Extra = readonly Uint8Array[];

export interface Tensor {
  readonly name: string;
  readonly dataType: DataType;
  readonly dims: readonly number[];
  /** Little-endian, row-major. A view onto the file where the file held raw data: never write to it. Empty for strings. */
  readonly data: Uint8Array;
  /** Elements of a `string` tensor (bytes: ONNX does not promise UTF-8). */
  readonly strings?: readonly Uint8Array[];
  /** The data lie in another file: `location`, `offset`, `length`, `checksum`. */
  readonly external?: ReadonlyMap<string, string>;
  readonly extra?: Extra;
}

/** `dataType` is 'sequence', 'map', 'optional' or 'sparse' for what is not a dense tensor; its type is then in `rawType`. */
export interface ValueInfo {
  readonly name: string;
  readonly dataType: DataType | 'sequence' | 'map' | 'optional' | 'sparse';
  /** Numbers, names of dynamic dimensions, or '' for a dimension of which nothing is said; null: not even the rank. */
  readonly shape: readonly (number | string)[] | null;
  readonly rawType?: Uint8Array;
  readonly extra?: Extra;
}

export type Attribute =
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'string'; readonly value: Uint8Array }
  | { readonly type: 'tensor'; readonly value: Tensor }
  | { readonly type: 'graph'; readonly value: Graph }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'ints'; readonly value: readonly bigint[] }
  | { readonly type: 'strings'; readonly value: readonly Uint8Array[] }
  | { readonly type: 'tensors'; readonly value: readonly Tensor[] }
  | { readonly type: 'graphs'; readonly value: readonly Graph[] }
  /** Refers to an attribute of the enclosing function. */
  | { readonly type: 'reference'; readonly value: string; readonly of: number }
  /** Sparse tensors and type protos: kept as the whole attribute's bytes. */
  | { readonly type: 'raw'; readonly value: Uint8Array };

export interface Node {
  readonly opType: string;
  /** '' is ai.onnx. */
  readonly domain: string;
  readonly name: string;
  /** '' stands for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly extra?: Extra;
}

export interface Graph {
  readonly name: string;
  /** Without initializers, even where an old file repeats them as inputs. */
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** In topological order. */
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  /** Types that the file states of intermediate tensors; may be wrong or missing. */
  readonly valueInfo: ReadonlyMap<string, ValueInfo>;
  readonly extra?: Extra;
}

/** A model-local function (FunctionProto). */
export interface ModelFunction {
  readonly name: string;
  readonly domain: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Names of attributes that a call must give. */
  readonly attributes: readonly string[];
  readonly attributeDefaults: ReadonlyMap<string, Attribute>;
  readonly nodes: readonly Node[];
  readonly opsets: ReadonlyMap<string, number>;
  readonly extra?: Extra;
}

export interface Model {
  readonly irVersion: number;
  /** Version by domain; '' is ai.onnx. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: Graph;
  readonly metadata: ReadonlyMap<string, string>;
  readonly functions: readonly ModelFunction[];
  readonly producer: { readonly name: string; readonly version: string };
  readonly domain: string;
  readonly modelVersion: bigint;
  readonly extra?: Extra;
}

/** Types and sizes of tensors as a run of the graph showed them. */
export interface TensorShape {
  readonly dataType: DataType;
  readonly dims: readonly number[];
}
export type Shapes = ReadonlyMap<string, TensorShape>;
