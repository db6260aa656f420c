import type { Precision } from '../../../src/domain/types.js';
import { decodeModel, elements, type Model, type Node } from '../../../src/onnx/index.js';
import { asDeviceError } from '../device-errors.js';
import type { CompileOptions, Executor, Feeds, HostTensor, Pending, Program, State } from '../executor.js';
import { oneLane } from '../lanes.js';
import { loadAddon } from './addon.js';
import { unknownOperator } from './describe-node.js';
import { type Device, device } from './device.js';
import type { Installation } from './installation.js';
import { operatorTable } from './operators/table.js';
import { type Plan, runPlan } from './plan.js';
import { openSession, type Session } from './session.js';
import {
  created,
  emptied,
  type Resident,
  read,
  refill,
  residentState,
  type Stepped,
  type Tensor,
  takeOver,
} from './state.js';
import { trace } from './trace.js';

/** A plan, and the graph of the library's own that runs it where there is one. */
interface Compiled {
  readonly plan: Plan;
  readonly session: Session | null;
}
/** How a plan is run: call by call, as a graph of the library's own, or as one that only updates numbers one by one. */
type Run = 'calls' | 'graph' | 'update';
/** An update that goes over so many numbers, four for each parameter of AdamW, is worth compiling. */
const WORTH_FUSING = 2 ** 23;
/** Plans of other sizes that are kept; a last, smaller batch needs a second, and more are rare. */
const MOST_PLANS = 4;

const find = operatorTable();

/**
 * The TensorFlow engine in this process. A graph is compiled when it is first run on inputs of given sizes: that run writes
 * down its kernel calls, which later ones repeat. For training on a processor they become a graph of the library's own. Every
 * call blocks this thread, on a GPU until it is queued (`queued` says that it is one). Throws the loader's words where the library
 * cannot be loaded; `probeTensorflow` tells before. A step on a device that is gone throws `DeviceLost`.
 */
export function tensorflowExecutor(
  installation: Pick<Installation, 'addonPath'>,
  deviceName: string,
  options: { readonly queued?: boolean } = {},
): Executor {
  const addon = loadAddon(installation.addonPath);
  const on = device(addon);
  const queued = options.queued ?? addon.isUsingGpuDevice();
  const made = (model: Model, { precision = 'float32' }: CompileOptions, run: Run): Program =>
    withDeviceErrors(program(on, model, precision, queued ? 'calls' : run));
  const load = async (model: Model, o: CompileOptions = {}): Promise<Program> =>
    made(model, o, o.training ? 'graph' : 'calls');
  return {
    engine: { executor: 'tensorflow', version: addon.TF_Version, device: deviceName },
    native: true,
    queued,
    compile: load,
    compileLanes: async (model) => oneLane(await load(model)),
    async compileUpdate(model) {
      const whole = made(model, {}, 'update');
      return {
        apply: async (state, feeds) => void (await whole.step(state, feeds, [])),
        dispose: () => whole.dispose(),
      };
    },
    load: (file, o) => load(decodeModel(file), o),
    dispose: async () => {},
  };
}

/** The program with `DeviceLost` and `DeviceFull` for what its device says when it is gone or its memory short. */
function withDeviceErrors(made: Program): Program {
  const told = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw asDeviceError(error);
    }
  };
  return {
    ...made,
    run: (...given) => told(() => made.run(...given)),
    step: (...given) => told(() => made.step(...given)),
    async submit(...given) {
      const pending = await told(() => made.submit(...given));
      return { read: () => told(() => pending.read()) };
    },
  };
}

function program(on: Device, model: Model, precision: Precision, as: Run): Program {
  const { graph } = model;
  for (const node of graph.nodes) {
    const opset = model.opsets.get(node.domain) ?? 0;
    if (find(node, opset) === null) throw unknownOperator(node as Node, opset);
  }
  const { addon } = on;
  const plans = new Map<string, Compiled>();
  const inputs = graph.inputs.map((v) => v.name);
  const taken = new Set(inputs);
  const given = new Set(graph.outputs.map((v) => v.name));
  const takenOf = (state: State): ReadonlyMap<string, Tensor> =>
    new Map([...(state as Resident).tensors].filter(([name]) => taken.has(name)));

  const drop = ({ plan, session }: Compiled): void => {
    session?.dispose();
    for (const id of plan.constants.values()) addon.deleteTensor(id);
  };
  const sessionOf = (plan: Plan): Session => {
    try {
      const numbers = [...plan.fed.values()].reduce((n, place) => n + elements(plan.tensors.get(place)!.dims), 0);
      return openSession(on, plan, as === 'update' && numbers >= WORTH_FUSING);
    } catch (error) {
      drop({ plan, session: null });
      throw error;
    }
  };
  /** The last used stand last, the oldest goes. */
  const keep = (key: string, compiled: Compiled): void => {
    plans.delete(key);
    plans.set(key, compiled);
    const [oldest] = plans.keys();
    if (plans.size <= MOST_PLANS || oldest === undefined) return;
    drop(plans.get(oldest)!);
    plans.delete(oldest);
  };

  /** Results by name; they are the caller's to delete. */
  function execute(feeds: Feeds, state: ReadonlyMap<string, Tensor>, wanted: readonly string[]): Map<string, Tensor> {
    const own = new Map(
      Object.entries(feeds)
        .filter(([name]) => taken.has(name))
        .map(([name, t]) => [name, created(on, t)]),
    );
    const fed = new Map([...state, ...own]);
    try {
      const key = `${wanted.join()}|${[...fed].map(([name, t]) => `${name}:${t.type}[${t.dims}]`).join()}`;
      let compiled = plans.get(key);
      if (compiled === undefined) {
        const { plan, results } = trace(on, model, find, fed, wanted, precision);
        if (as === 'calls') {
          keep(key, { plan, session: null });
          return new Map([...results].map(([name, { id, type, dims }]) => [name, { id, type, dims }]));
        }
        // The session may round otherwise than the calls one by one: all of a run's steps are its.
        for (const { id } of results.values()) addon.deleteTensor(id);
        compiled = { plan, session: sessionOf(plan) };
      }
      keep(key, compiled);
      const { plan, session } = compiled;
      const given = new Map([...fed].map(([name, t]) => [name, t.id]));
      const ids = session === null ? runPlan(on, plan, given) : session.run(given);
      return new Map([...ids].map(([name, id]) => [name, { id, ...plan.types.get(name)! }]));
    } finally {
      for (const { id } of own.values()) addon.deleteTensor(id);
    }
  }
  function fetched(results: ReadonlyMap<string, Tensor>, names: readonly string[]): Record<string, HostTensor> {
    try {
      return Object.fromEntries(names.map((name) => [name, read(on, results.get(name)!)]));
    } finally {
      for (const name of new Set(names)) addon.deleteTensor(results.get(name)!.id);
    }
  }
  function stepped(state: Resident, feeds: Feeds, fetch: readonly string[]): Stepped {
    const next = [...state.outputOf].filter(([, output]) => given.has(output));
    const wanted = [...new Set([...fetch, ...next.map(([, output]) => output)])];
    const empty = emptied(on, state, next, taken);
    try {
      return { results: execute(feeds, takenOf(state), wanted), next, empty };
    } catch (error) {
      refill(on, state, empty);
      throw error;
    }
  }
  return {
    inputs,
    outputs: graph.outputs.map((v) => v.name),
    async run(feeds, fetch, state) {
      return fetched(execute(feeds, state === undefined ? new Map() : takenOf(state), [...new Set(fetch)]), fetch);
    },
    state: (of) => residentState(on, of),
    async step(state, feeds, fetch, accept = () => true) {
      const made = stepped(state as Resident, feeds, fetch);
      const told = Object.fromEntries(fetch.map((name) => [name, read(on, made.results.get(name)!)]));
      takeOver(on, state as Resident, made, accept(told));
      return told;
    },
    async submit(state, feeds, fetch): Promise<Pending> {
      const made = stepped(state as Resident, feeds, fetch);
      takeOver(on, state as Resident, made, true, new Set(fetch));
      return { read: async () => fetched(made.results, fetch) };
    },
    async dispose() {
      for (const plan of plans.values()) drop(plan);
      plans.clear();
    },
  };
}
