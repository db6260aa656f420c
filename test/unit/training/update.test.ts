import { afterAll, describe, expect, it } from 'vitest';
import {
  elementwiseParts,
  GRADIENT_NORM,
  gradientName,
  graphBuilder,
  type Model,
  OnnxError,
  packsOf,
  tensor,
} from '../../../src/onnx/index.js';
import { random } from '../../../src/tasks/random.js';
import type { FedBack, HostTensor, State } from '../../../workers/executors/executor.js';
import { onnxruntimeExecutor } from '../../../workers/executors/onnxruntime.js';
import { SLICE, updateKernel } from '../../../workers/executors/update-kernel.js';
import {
  AVERAGE_DECAY,
  OPEN_LAYERS,
  type StepGraphs,
  type StepRequest,
  stepGraphs,
} from '../../../workers/training/fine-tune/step.js';
import { PLAIN } from '../../support/tuning.js';

const executor = onnxruntimeExecutor({ threads: 2 });
afterAll(() => executor.dispose());

const ALONE = 1 << 17;
/** Three that stand alone, a pack of three with one vector among them, which does not decay; no size is a multiple of four. */
const TENSORS = [
  { name: 'wide', dims: [2, 1 + ALONE / 2], rate: 0.5, depth: 0 },
  { name: 'wider', dims: [2, 3 + ALONE / 2], rate: 0.25, depth: 0 },
  { name: 'long', dims: [5 + ALONE], rate: 1, depth: 2 },
  { name: 'small', dims: [130, 71], rate: 1, depth: 0 },
  { name: 'bias', dims: [101], rate: 1, depth: 0 },
  { name: 'deep', dims: [7, 19], rate: 0.25, depth: 2 },
];
const REQUEST: StepRequest = { ...PLAIN, parameters: TENSORS };
const VARIANTS: readonly (readonly [string, Partial<StepRequest>])[] = [
  ['AdamW', {}],
  ['AdamW of several passes, layers opened one after the other', { accumulates: true, unfreezes: true }],
  ['SGD with averages', { optimizer: 'sgd', averages: true }],
  ['SGD without clipping and decay', { optimizer: 'sgd', clip: null, weightDecay: 0 }],
];

const packs = packsOf(TENSORS);
function graphs(o: Partial<StepRequest>): StepGraphs {
  const b = graphBuilder({ opset: 17 });
  b.output(b.op('Identity', [b.input('x', 'float32', [])], {}, { outputs: ['loss'] }), 'float32', []);
  for (const { name, dims } of TENSORS) {
    b.initializer(name, tensor(name, 'float32', dims, 1));
    b.output(b.op('Identity', [name], {}, { outputs: [gradientName(name)] }), 'float32', dims);
  }
  return stepGraphs(b.model(), packs, [], { ...REQUEST, ...o });
}
const scalar = (value: number): HostTensor => ({ dataType: 'float32', dims: [], data: Float32Array.of(value) });
const FEEDS = {
  learning_rate: scalar(0.02),
  bias_correction1: scalar(0.271),
  bias_correction2: scalar(0.002997),
  [OPEN_LAYERS]: scalar(1),
  [GRADIENT_NORM]: scalar(1.7),
};
function entries(made: StepGraphs): readonly FedBack[] {
  const next = random(5);
  const weights = packs.map(({ name, dims }) => ({ input: name, output: `next(${name})`, dims }));
  return [...weights, ...made.moments, ...made.averages, ...made.sums].map(({ input, output, dims }) => {
    // A second moment is never negative.
    const shift = input.startsWith('v(') ? 0 : 0.5;
    const data = Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, () => next() - shift);
    return { input, output, initial: { dataType: 'float32', dims, data }, inPlace: true };
  });
}
const given = (model: Model) =>
  Object.entries(FEEDS).filter(([name]) => model.graph.inputs.some((v) => v.name === name));
async function all(state: State, names: readonly string[]) {
  return new Map(await Promise.all(names.map(async (name) => [name, (await state.read(name)).data] as const)));
}

describe('an update', () => {
  it.each(VARIANTS)('by kernels is that of the graph to the bit: %s', async (_, o) => {
    const made = graphs(o);
    const whole = await executor.compile(made.apply, { training: true });
    const [ours, theirs] = [whole.state(entries(made)), whole.state(entries(made))];
    const names = entries(made).map((e) => e.input);
    const before = await all(theirs, names);
    const average = { [AVERAGE_DECAY]: scalar(0.9) };
    const update = await executor.compileUpdate(made.apply);
    const averaging = made.average && (await executor.compileUpdate(made.average));
    const averages = made.average && (await executor.compile(made.average));
    const feeds = Object.fromEntries(given(made.apply));
    const unchanged = new Map([...before].map(([name, data]) => [name, data.slice()]));
    for (let i = 0; i < 2; i++) {
      await whole.step(theirs, feeds, []);
      await averages?.step(theirs, average, []);
      await update.apply(ours, feeds);
      await averaging?.apply(ours, average);
    }
    const [a, b] = [await all(ours, names), await all(theirs, names)];
    for (const name of names) expect(Buffer.compare(bytes(a.get(name)!), bytes(b.get(name)!)), name).toBe(0);
    const fixed = names.filter((name) => Buffer.compare(bytes(a.get(name)!), bytes(unchanged.get(name)!)) === 0);
    const waiting = o.unfreezes ? ['pack(long)'] : [];
    const sums = o.accumulates ? [] : made.sums.map((s) => s.input);
    expect(fixed).toEqual([...waiting, ...sums]);
    for (const part of [whole, update, averages, averaging]) await part?.dispose();
  });

  it('has one kernel for tensors that are treated alike, whatever their rates', () => {
    const { parts, rest } = elementwiseParts(graphs({}).apply, SLICE);
    expect(parts.map((p) => p.size).sort()).toEqual(packs.map((p) => p.size).sort());
    expect(new Set(parts.map((p) => p.model)).size).toBeLessThan(parts.length);
    expect(rest).toBeNull();
  });

  it('leaves short vectors, and what mixes places, to the engine', () => {
    const b = graphBuilder({ opset: 17 });
    const [long, short] = [b.input('long', 'float32', [SLICE]), b.input('short', 'float32', [SLICE - 1])];
    b.output(b.op('Mul', [short, short], {}, { outputs: ['a'] }), 'float32', [SLICE - 1]);
    b.output(b.op('Softmax', [long], {}, { outputs: ['b'] }), 'float32', [SLICE]);
    const { parts, rest } = elementwiseParts(b.model(), SLICE);
    expect(parts).toEqual([]);
    expect(rest?.graph.outputs.map((v) => v.name)).toEqual(['a', 'b']);
  });

  it('names an operation that has no instruction', () => {
    const b = graphBuilder({ opset: 17 });
    const x = b.input('x', 'float32', [SLICE]);
    b.output(b.op('Max', [x, x, x], {}, { outputs: ['y'] }), 'float32', [SLICE]);
    const [part] = elementwiseParts(b.model(), SLICE).parts;
    expect(() => updateKernel(part!)).toThrow(OnnxError);
    expect(() => updateKernel(part!)).toThrow(/Max of 3 inputs/);
  });
});

const bytes = (data: HostTensor['data']) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
