import { type DataType, elements } from '../../../src/onnx/index.js';
import type { HostTensor, TensorData } from '../executor.js';
import { type Addon, type KernelAttribute, TF } from './addon.js';
import { numbersIn } from './host.js';
import { preparedAttributes } from './kernels.js';

const TYPES: Partial<Record<DataType, number>> = {
  float32: TF.float,
  float64: TF.double,
  float16: TF.half,
  bfloat16: TF.bfloat16,
  int8: TF.int8,
  int16: TF.int16,
  int32: TF.int32,
  int64: TF.int64,
  uint8: TF.uint8,
  uint16: TF.uint16,
  uint32: TF.uint32,
  uint64: TF.uint64,
  bool: TF.bool,
};
const NAMES = new Map(Object.entries(TYPES).map(([name, number]) => [number, name as DataType]));

/** The library's number of a type; throws a RangeError for one that it has not. */
export function typeNumber(type: DataType): number {
  const number = TYPES[type];
  if (number === undefined) throw new RangeError(`TensorFlow has no tensors of type ${type}.`);
  return number;
}
export function typeName(number: number): DataType {
  const name = NAMES.get(number);
  if (name === undefined) throw new RangeError(`TensorFlow gave a tensor of type ${number}, which has no name here.`);
  return name;
}

/** Tensors of any type between this process and the device; the addon itself takes and gives only a few types. */
export interface Device {
  readonly addon: Addon;
  /** Takes the array over: it must not be written to afterwards. */
  create(t: HostTensor): number;
  /** In memory of the library's own. */
  zeros(type: DataType, dims: readonly number[]): number;
  read(id: number, type: DataType, dims: readonly number[]): HostTensor;
}

export function device(addon: Addon): Device {
  const once = (kernel: string, id: number, attributes: readonly KernelAttribute[]): number =>
    addon.executeOp(kernel, attributes, [id], 1)[0]!.id;
  /** The kernel's result; its input goes. */
  const through = (kernel: string, id: number, attributes: readonly KernelAttribute[]): number => {
    try {
      return once(kernel, id, attributes);
    } finally {
      addon.deleteTensor(id);
    }
  };
  const cast = (to: number) => preparedAttributes('Cast', { DstT: to, Truncate: false });
  const bits = (to: number) => preparedAttributes('Bitcast', { type: to });
  const int32 = (data: ArrayLike<number>): Int32Array => Int32Array.from(data);

  function create({ dataType, dims, data }: HostTensor): number {
    switch (dataType) {
      case 'float32':
        return addon.createTensor(dims, TF.float, data as Float32Array);
      case 'int32':
        return addon.createTensor(dims, TF.int32, data as Int32Array);
      case 'uint8':
        return addon.createTensor(dims, TF.uint8, data as Uint8Array);
      case 'bool':
        return addon.createTensor(dims, TF.bool, data as Uint8Array);
      case 'int64':
        return addon.createTensor(dims, TF.int64, words(data));
      case 'uint64':
        return through('Bitcast', addon.createTensor(dims, TF.int64, words(data)), bits(TF.uint64));
      case 'float64':
        return through('Bitcast', addon.createTensor([...dims, 2], TF.int32, words(data)), bits(TF.double));
      case 'uint32':
        return through('Bitcast', addon.createTensor(dims, TF.int32, int32(data as Uint32Array)), bits(TF.uint32));
      case 'float16':
      case 'bfloat16': {
        const whole = addon.createTensor(dims, TF.int32, int32(data as Uint16Array));
        return through('Bitcast', through('Cast', whole, cast(TF.uint16)), bits(typeNumber(dataType)));
      }
      default:
        return through(
          'Cast',
          addon.createTensor(dims, TF.int32, int32(data as Int16Array)),
          cast(typeNumber(dataType)),
        );
    }
  }

  function zeros(type: DataType, dims: readonly number[]): number {
    const ids = [create(numbersIn('int32', [dims.length], dims)), create(numbersIn(type, [], 0))];
    try {
      return addon.executeOp('Fill', [], ids, 1)[0]!.id;
    } finally {
      for (const id of ids) addon.deleteTensor(id);
    }
  }

  function read(id: number, dataType: DataType, dims: readonly number[]): HostTensor {
    const direct = (): TensorData => addon.tensorDataSync(id);
    const after = (kernel: string, attributes: readonly KernelAttribute[]): Int32Array | BigInt64Array => {
      const other = once(kernel, id, attributes);
      try {
        return addon.tensorDataSync(other) as Int32Array | BigInt64Array;
      } finally {
        addon.deleteTensor(other);
      }
    };
    const narrowed = (): Int32Array => after('Cast', cast(TF.int32)) as Int32Array;
    const data = ((): TensorData => {
      if (elements(dims) === 0) return empty(dataType);
      switch (dataType) {
        case 'float32':
        case 'int32':
        case 'bool':
        case 'int64':
          return direct();
        case 'uint64':
          return new BigUint64Array(after('Bitcast', bits(TF.int64)).buffer);
        case 'float64':
          return new Float64Array(after('Bitcast', bits(TF.int32)).buffer);
        case 'uint32':
          return new Uint32Array(after('Bitcast', bits(TF.int32)).buffer);
        case 'float16':
        case 'bfloat16': {
          const whole = once('Bitcast', id, bits(TF.uint16));
          const wide = through('Cast', whole, cast(TF.int32));
          try {
            return Uint16Array.from(addon.tensorDataSync(wide) as Int32Array);
          } finally {
            addon.deleteTensor(wide);
          }
        }
        case 'uint8':
          return Uint8Array.from(narrowed());
        case 'int8':
          return Int8Array.from(narrowed());
        case 'uint16':
          return Uint16Array.from(narrowed());
        case 'int16':
          return Int16Array.from(narrowed());
        default:
          throw new RangeError(`Tensors of type ${dataType} cannot be read.`);
      }
    })();
    return { dataType, dims, data };
  }
  return { addon, create, zeros, read };
}

/** 64-bit numbers as pairs of 32 bits, which is how the addon takes them. */
function words(data: TensorData): Int32Array {
  return new Int32Array(data.buffer, data.byteOffset, data.byteLength / 4);
}

function empty(type: DataType): TensorData {
  const arrays: Partial<Record<DataType, TensorData>> = {
    float64: new Float64Array(0),
    int32: new Int32Array(0),
    int64: new BigInt64Array(0),
    uint64: new BigUint64Array(0),
    bool: new Uint8Array(0),
    uint8: new Uint8Array(0),
    int8: new Int8Array(0),
    int16: new Int16Array(0),
    uint16: new Uint16Array(0),
    uint32: new Uint32Array(0),
    float16: new Uint16Array(0),
    bfloat16: new Uint16Array(0),
  };
  return arrays[type] ?? new Float32Array(0);
}
