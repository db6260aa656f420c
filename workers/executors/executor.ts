import type { Engine, Precision } from '../../src/domain/types.js';
import type { DataType, Model, TensorShape } from '../../src/onnx/index.js';

/** A tensor in this process's memory, row-major. int64 and uint64 are BigInts, bool is a Uint8Array of 0 and 1. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int32Array
  | BigInt64Array
  | BigUint64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array;
export interface HostTensor {
  readonly dataType: DataType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}
export type Feeds = Readonly<Record<string, HostTensor>>;

export interface CompileOptions {
  /** Threads inside one operator; default: what the executor was made with. */
  readonly threads?: number;
  /**
   * A training step: large, many times the same, alone on the cores. Threads wait awake for the next operator, and memory comes
   * from the allocator as it is needed, not from an arena that grows by doubling.
   */
  readonly training?: boolean;
  /**
   * `mixed`: convolutions and products in bfloat16, all else in float32, as are the tensors that go in and come out. Default
   * float32. The TensorFlow engine has it; another throws a RangeError.
   */
  readonly precision?: Precision;
}
/** What the graph reads and writes from step to step: the output of one run is the input of the next. */
export interface FedBack {
  readonly input: string;
  readonly output: string;
  /** Without data: zeros. */
  readonly initial: Omit<HostTensor, 'data'> & { readonly data: TensorData | null };
  /** The next value may be written over the last one, which a step that is refused then leaves changed. Default false. */
  readonly inPlace?: boolean;
}
/** Parameters and moments that stay where the engine keeps them; only what `read` asks for travels. */
export interface State {
  read(input: string): Promise<HostTensor>;
  write(input: string, value: HostTensor): Promise<void>;
  dispose(): void;
}
/** Results that a device may still have to make. */
export interface Pending {
  /** Waits for all that was asked of the device before. To be called once. */
  read(): Promise<Record<string, HostTensor>>;
}
/** A compiled graph. Runs of one program must not overlap. */
export interface Program {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /**
   * `fetch` names the outputs to bring back; the others are not computed where the engine can leave them out. What the
   * program takes of `state` (which may be another program's of this executor) is fed unless `feeds` has it, and stays as it is.
   */
  run(feeds: Feeds, fetch: readonly string[], state?: State): Promise<Record<string, HostTensor>>;
  state(of: readonly FedBack[]): State;
  /**
   * As `run` with `state`, which afterwards holds the next values that the program gives; what it does not give stays as it
   * is, so several programs may work on one state. Where `accept` refuses the results, all of the state stays but what may be
   * written in place.
   */
  step(
    state: State,
    feeds: Feeds,
    fetch: readonly string[],
    accept?: (results: Readonly<Record<string, HostTensor>>) => boolean,
  ): Promise<Record<string, HostTensor>>;
  /** As `step` whose results are accepted whatever they are, and read later. What is fetched must not be fed back too. */
  submit(state: State, feeds: Feeds, fetch: readonly string[]): Promise<Pending>;
  dispose(): Promise<void>;
}
/** A compiled graph that runs on several inputs at the same time. */
export interface Lanes {
  readonly outputs: readonly string[];
  /** How many runs may go on at the same time. */
  readonly count: number;
  /** Threads that a run keeps busy while this one goes on; null: it blocks this thread, as a program's does. */
  readonly threads: number | null;
  /** As a program's; what is fed is not to be used afterwards, since its memory may have moved. */
  run(feeds: Feeds, fetch: readonly string[]): Promise<Record<string, HostTensor>>;
  /** Waits for the runs that go on. */
  dispose(): Promise<void>;
}
/** A compiled graph that does nothing but bring a state from one step to the next: each of its outputs is fed back. */
export interface Update {
  /** Writes the next values over the last ones, whether the state calls them `inPlace` or not. */
  apply(state: State, feeds: Feeds): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * An engine that runs graphs and nothing else: it has no optimizer, no autodiff and no data loading of its own, so that
 * engines can be exchanged and compared. The same program on the same machine gives the same bits from run to run.
 */
export interface Executor {
  readonly engine: Engine;
  /** Whether it runs the operators of the domain `graft` as they are; else they must be written out in standard ones. */
  readonly native: boolean;
  /** Whether a device of its own does what it is told while this process goes on, until a result is read. */
  readonly queued: boolean;
  compile(model: Model, options?: CompileOptions): Promise<Program>;
  /** For many runs of equal right that need not end in the order in which they began. */
  compileLanes(model: Model): Promise<Lanes>;
  /** For training; the engine may run it in pieces. */
  compileUpdate(model: Model): Promise<Update>;
  /** As `compile`, from the bytes of a file as it is. */
  load(file: Uint8Array, options?: CompileOptions): Promise<Program>;
  dispose(): Promise<void>;
}

export type { DataType, TensorShape };
