import type { Model, Tensor } from '../../../src/onnx/index.js';
import type { Executor, FedBack, HostTensor, Program } from '../../executors/executor.js';
import type { Watched } from './culprit.js';
import type { TuneGraphs } from './graphs.js';
import type { PassInput } from './pass-input.js';

/** One network for inputs of one size. */
export interface Form {
  readonly input: PassInput;
  readonly model: Model;
  readonly watched: Watched;
  /** Compiled when they are first asked for. */
  pass(): Promise<Program>;
  measure(): Promise<Program>;
}

/** Tables from this size on are held once for all sizes of the input, and not in each compiled graph. */
const HELD_BYTES = 1024 * 1024;

/** The forms of a network by the dims of its input; all work on one state. */
export function forms(executor: Executor, graphs: TuneGraphs, at?: (length: number) => Promise<TuneGraphs>) {
  const made = new Map<string, Promise<Form>>();
  const programs: Promise<Program>[] = [];
  const held = at === undefined ? [] : tablesOf(graphs.measure);
  const compiled = (model: Model, precision: TuneGraphs['precision'] = 'float32') => {
    let program: Promise<Program> | null = null;
    return () => {
      if (program === null) {
        program = executor.compile(withoutTables(model, held), { training: true, precision });
        programs.push(program);
      }
      return program;
    };
  };
  const form = ({ input, step, measure, watched }: TuneGraphs): Form => {
    const model = withoutTables(step.pass, held);
    return { input, model, watched, pass: compiled(step.pass, graphs.precision), measure: compiled(measure) };
  };
  return {
    constants: held.map(constantOf),
    of(dims: readonly number[]): Promise<Form> {
      const key = dims.join();
      const known = made.get(key);
      if (known !== undefined) return known;
      const own = at === undefined || key === graphs.input.dims.join();
      const found = own ? Promise.resolve(graphs) : at(dims[1]!);
      const one = found.then(form);
      made.set(key, one);
      return one;
    },
    async dispose() {
      for (const program of programs) await (await program).dispose();
    },
  };
}

/** Large tables that rows are only taken out of, which an engine has nothing to prepare of. */
function tablesOf({ graph }: Model): readonly Tensor[] {
  const read = new Map<string, boolean>();
  for (const { opType, inputs } of graph.nodes)
    inputs.forEach((name, i) => {
      read.set(name, (read.get(name) ?? true) && opType === 'Gather' && i === 0);
    });
  return [...graph.initializers.values()].filter(
    (t) => t.dataType === 'float32' && t.data.byteLength >= HELD_BYTES && read.get(t.name),
  );
}

/** The model with the tables as inputs. */
function withoutTables(model: Model, held: readonly Tensor[]): Model {
  const { graph } = model;
  const gone = held.filter((t) => graph.initializers.has(t.name));
  if (gone.length === 0) return model;
  const names = new Set(gone.map((t) => t.name));
  const inputs = gone.map(({ name, dims }) => ({ name, dataType: 'float32' as const, shape: dims }));
  const initializers = new Map([...graph.initializers].filter(([name]) => !names.has(name)));
  return { ...model, graph: { ...graph, inputs: [...graph.inputs, ...inputs], initializers } };
}

/** What no step gives a next value of stays as it is. */
function constantOf({ name, dims, data }: Tensor): FedBack {
  const values = new Float32Array(new Uint8Array(data).buffer);
  const initial: HostTensor = { dataType: 'float32', dims, data: values };
  return { input: name, output: `next(${name})`, initial };
}
