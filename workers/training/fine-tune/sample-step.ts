import { elements } from '../../../src/onnx/index.js';
import type { Executor, HostTensor } from '../../executors/executor.js';
import { type TuneGraphs, type TuneRequest, tuneGraphs } from './graphs.js';
import { tuner } from './trainer.js';

const CLASSES = 10;

/** What is trained; everything else is AdamW with clipped gradients over a head of ten classes unless it is given. */
export type SampleRequest = Pick<TuneRequest, 'trunk' | 'batch'> &
  Partial<Omit<TuneRequest, 'parameters' | 'head'>> & {
    /** Features of the trunk. */
    readonly width: number;
    readonly parameters: readonly Omit<TuneRequest['parameters'][number], 'rate'>[];
  };
/** One optimizer step after the other on one batch of made-up examples: what is to be timed. */
export interface SampleStep {
  readonly graphs: TuneGraphs;
  step(number: number): Promise<void>;
  dispose(): Promise<void>;
}

/** Compiles the request, with sizes told by `measuring`; `dataOf` makes up the batch. Throws `OnnxError`s naming what cannot be trained. */
export async function sampleStep(
  executor: Executor,
  { width, parameters, ...request }: SampleRequest,
  dataOf: (graphs: TuneGraphs) => HostTensor['data'] = pixelsOrRows,
  measuring = executor,
): Promise<SampleStep> {
  const asked = {
    classes: CLASSES,
    head: { weight: new Float32Array(CLASSES * width).fill(0.01), bias: new Float32Array(CLASSES) },
    parameters: parameters.map((p) => ({ ...p, rate: 1 })),
    liveStatistics: false,
    optimizer: 'adamw',
    weightDecay: 0.01,
    clip: 1,
    keepFrozen: false,
    accumulates: false,
    unfreezes: false,
    averages: false,
    ...request,
  } as const;
  const graphs = await tuneGraphs(executor, asked, measuring);
  const net = await tuner(executor, graphs);
  const data = dataOf(graphs);
  const targets = new Float32Array(request.batch * CLASSES);
  for (let k = 0; k < request.batch; k++) targets[k * CLASSES + (k % CLASSES)] = 1 / request.batch;
  return {
    graphs,
    step: async (number) => void (await net.step({ number, data, targets, rate: 1e-4, open: 0, averageDecay: 0 })),
    dispose: () => net.dispose(),
  };
}

/** Of trunks that read pictures: pixels, or rows of the part that is frozen. */
function pixelsOrRows({ input, below }: TuneGraphs): HostTensor['data'] {
  const length = elements(input.dims);
  return below === null
    ? Uint8Array.from({ length }, (_, i) => (i * 7919) & 255)
    : Float32Array.from({ length }, (_, i) => Math.abs(Math.sin(i)));
}
