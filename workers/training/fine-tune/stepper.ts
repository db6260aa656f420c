import { GRADIENT_NORM } from '../../../src/onnx/index.js';
import type { Feeds, HostTensor, Pending, Program, State, Update } from '../../executors/executor.js';
import { AVERAGE_DECAY, OPEN_LAYERS, type StepGraphs } from './step.js';

export interface StepInput {
  /** Counted from 1 since the moments began. */
  readonly number: number;
  /** Rows of what the network reads: one batch, as many whole passes as it takes. Texts of one length. */
  readonly data: HostTensor['data'];
  /** Soft labels [batch, classes], rows scaled; a pass of zeros is left out. */
  readonly targets: Float32Array;
  readonly rate: number;
  /** Layers that are open, from the head on. */
  readonly open: number;
  /** Share of the average that a step leaves. */
  readonly averageDecay: number;
}
export interface StepResult {
  readonly loss: number;
  /** Euclidean norm of all gradients together, before clipping. */
  readonly norm: number;
}
/** A step whose result has not been read. */
export interface Submitted {
  /** Once, and in the order of the steps. */
  read(): Promise<StepResult>;
}
export interface Stepper {
  /** One optimizer step. Where loss or norm is not finite nothing but the sums changes, so that `culprit` can look again. */
  step(input: StepInput): Promise<StepResult>;
  /**
   * As `step`, read later. Where `late`, a device may still be at work on it, and the next step may be submitted before it is read:
   * after one that is not finite, those that follow change nothing either, until the tuner goes on from another state.
   */
  submit(input: StepInput): Promise<Submitted>;
  readonly late: boolean;
}

const scalar = (value: number): HostTensor => ({ dataType: 'float32', dims: [], data: Float32Array.of(value) });
const TOLD = ['loss', GRADIENT_NORM] as const;
/** A step's result with one more pass: losses are added up, and the norm is of the sums so far. */
const after = ({ loss }: StepResult, told: Readonly<Record<string, HostTensor>>): StepResult => {
  const of = (name: string): number => (told[name]!.data as Float32Array)[0]!;
  return { loss: loss + of('loss'), norm: of(GRADIENT_NORM) };
};
export const isSound = ({ loss, norm }: StepResult): boolean => Number.isFinite(loss) && Number.isFinite(norm);

/** Makes optimizer steps of a state; `passesOf` gives the passes of a batch and the program that runs them. */
export function stepper(
  made: StepGraphs,
  state: State,
  { apply, average }: { readonly apply: Update; readonly average: Update | null },
  passesOf: (input: StepInput) => Promise<{ readonly program: Program; readonly passes: Iterable<Feeds> }>,
): Stepper {
  const late = made.guards.length > 0;
  /** Makes a step of the sums. A norm that is not given is the state's. */
  async function update({ number, rate, open, averageDecay }: StepInput, norm: Feeds = {}): Promise<void> {
    const values: Readonly<Record<string, number>> = {
      learning_rate: rate,
      bias_correction1: 1 - 0.9 ** number,
      bias_correction2: 1 - 0.999 ** number,
      [OPEN_LAYERS]: open,
    };
    const scalars = Object.fromEntries(made.scalars.map((name) => [name, scalar(values[name]!)]));
    await apply.apply(state, { ...scalars, ...norm });
    await average?.apply(state, { [AVERAGE_DECAY]: scalar(averageDecay) });
  }
  async function readAtOnce(input: StepInput): Promise<StepResult> {
    const { program, passes } = await passesOf(input);
    let result: StepResult = { loss: 0, norm: Number.NaN };
    for (const feeds of passes) {
      result = after(result, await program.step(state, feeds, TOLD, (told) => isSound(after(result, told))));
      if (!isSound(result)) return result;
    }
    await update(input, { [GRADIENT_NORM]: scalar(result.norm) });
    return result;
  }
  async function readLater(input: StepInput): Promise<Submitted> {
    const { program, passes } = await passesOf(input);
    const pending: Pending[] = [];
    for (const feeds of passes) pending.push(await program.submit(state, feeds, TOLD));
    await update(input);
    return {
      async read() {
        let result: StepResult = { loss: 0, norm: Number.NaN };
        for (const [i, one] of pending.entries()) {
          const told = await one.read();
          if (i === 0 || isSound(result)) result = after(result, told);
        }
        return result;
      },
    };
  }

  async function submit(input: StepInput): Promise<Submitted> {
    if (late) return readLater(input);
    const result = await readAtOnce(input);
    return { read: async () => result };
  }
  return { late, submit, step: async (input) => (await submit(input)).read() };
}
