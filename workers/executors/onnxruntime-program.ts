import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { zeroData } from './arrays.js';
import type { FedBack, Feeds, Program, State } from './executor.js';
import { hostOf, tensorOf } from './onnxruntime-tensors.js';

export interface Resident extends State {
  readonly tensors: Map<string, Tensor>;
  readonly outputOf: ReadonlyMap<string, string>;
  readonly inPlace: ReadonlySet<string>;
}

/** State in this process's memory, where every program of this engine finds it. */
export function residentState(of: readonly FedBack[]): Resident {
  const tensors = new Map(
    of.map(({ input, initial: { dataType, dims, data } }) => [
      input,
      tensorOf({ dataType, dims, data: data ?? zeroData(dataType, dims) }),
    ]),
  );
  return {
    tensors,
    outputOf: new Map(of.map((s) => [s.input, s.output])),
    inPlace: new Set(of.filter((s) => s.inPlace).map((s) => s.input)),
    read: async (input) => hostOf(tensors.get(input) as Tensor),
    write: async (input, value) => {
      tensors.set(input, tensorOf(value));
    },
    dispose: () => tensors.clear(),
  };
}

/** `mayOverwrite` says of which inputs the memory may take which outputs. */
export function program(
  session: InferenceSession,
  mayOverwrite: (input: string, output: string) => boolean = () => false,
): Program {
  const feedsOf = (feeds: Feeds): Record<string, Tensor> =>
    Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, tensorOf(value)]));
  const taken = new Set(session.inputNames);
  const given = new Set(session.outputNames);
  const takenOf = (state: State): Record<string, Tensor> =>
    Object.fromEntries([...(state as Resident).tensors].filter(([name]) => taken.has(name)));
  const made: Program = {
    inputs: session.inputNames,
    outputs: session.outputNames,
    async run(feeds, fetch, state) {
      const resident = state === undefined ? {} : takenOf(state);
      const results = await session.run({ ...resident, ...feedsOf(feeds) }, fetch);
      return Object.fromEntries(fetch.map((name) => [name, hostOf(results[name] as Tensor)]));
    },
    state: residentState,
    async step(state, feeds, fetch, accept = () => true) {
      const { tensors, outputOf, inPlace } = state as Resident;
      const next = [...outputOf].filter(([, output]) => given.has(output));
      const into = next.map(([input, output]): [string, Tensor | null] => [
        output,
        inPlace.has(input) && mayOverwrite(input, output) ? (tensors.get(input) as Tensor) : null,
      ]);
      const wanted = Object.fromEntries([...fetch.map((name): [string, null] => [name, null]), ...into]);
      const results = await session.run({ ...feedsOf(feeds), ...takenOf(state) }, wanted);
      const told = Object.fromEntries(fetch.map((name) => [name, hostOf(results[name] as Tensor)]));
      if (accept(told))
        for (const [input, output] of next) if (wanted[output] === null) tensors.set(input, results[output] as Tensor);
      return told;
    },
    async submit(...given) {
      const told = await made.step(...given);
      return { read: async () => told };
    },
    dispose: () => session.release(),
  };
  return made;
}
