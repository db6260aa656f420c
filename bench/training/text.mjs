// Steps of a text encoder in a process of its own: node text.mjs <base.onnx> <batch> <steps> <length>
// Mean of the tokens, a head of ten classes, cross-entropy, AdamW, gradients clipped; every float tensor of the base is trained.
// Prints one JSON line as step.mjs does.
import { readFileSync } from 'node:fs';
import {
  adamW,
  clipByGlobalNorm,
  decodeModel,
  differentiate,
  foldConstants,
  gradientName,
  graphBuilder,
  initializersAsInputs,
  measureShapesFor,
  parameterLayers,
  softmaxCrossEntropy,
  stated,
  tensor,
} from '../../dist/src/onnx/index.js';
import { onnxruntimeExecutor, shapeRunner, valueRunner } from '../../dist/workers/executors/onnxruntime.js';
import { used } from './processor.mjs';

const [file, size, steps, words] = process.argv.slice(2);
const [batch, length] = [Number(size), Number(words)];
const classes = 10;
const executor = onnxruntimeExecutor({ threads: Number(process.env.BENCH_THREADS ?? 2) });
const begun = performance.now();
const base = decodeModel(readFileSync(file));
const b = graphBuilder({ from: base, prefix: 'head/', keepOutputs: [] });
const hidden = base.graph.initializers.get([...base.graph.initializers.keys()].find((n) => /word_embeddings/.test(n)))
  .dims[1];
const pooled = b.op('ReduceMean', [base.graph.outputs[0].name], { axes: [1], keepdims: 0 });
const weight = b.initializer('head.weight', tensor('', 'float32', [hidden, classes], 0.01));
const bias = b.initializer('head.bias', tensor('', 'float32', [classes], 0));
const labels = b.input('labels', 'int64', ['batch']);
b.output(softmaxCrossEntropy(b, b.op('Gemm', [pooled, weight, bias]), labels, { classes }), 'float32', []);
const plain = b.model();
const trained = [...parameterLayers(base.graph).flatMap((l) => l.parameters), weight, bias];
const shapes = await measureShapesFor(
  plain,
  { batch, length, named: { batch, sequence: length } },
  shapeRunner(executor),
);
const forward = await foldConstants(plain, { shapes, parameters: trained, run: valueRunner(executor) });
const backward = differentiate(initializersAsInputs(forward, trained), 'loss', trained, shapes);
const step = graphBuilder({ from: backward, prefix: 'step/', keepOutputs: ['loss'] });
const { clipped } = clipByGlobalNorm(step, trained.map(gradientName), 1);
const dims = (name) => shapes.get(name).dims;
const moving = trained.map((name) => ({
  name,
  gradient: gradientName(name),
  ...clipped,
  dims: dims(name),
  decay: dims(name).length > 1,
}));
const state = adamW(step, moving, { weightDecay: 0.01 });
const train = stated(step.model(), shapes, [...trained, ...forward.graph.nodes.flatMap((n) => n.outputs)]);
const program = await executor.compile(train, { training: true });
const compile = performance.now() - begun;
const floats = (name) => {
  const { data } = base.graph.initializers.get(name) ?? plain.graph.initializers.get(name);
  return new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
};
const held = program.state([
  ...state.parameters.map((p) => ({ ...p, initial: { dataType: 'float32', dims: p.dims, data: floats(p.input) } })),
  ...state.moments.map((m) => ({
    ...m,
    initial: { dataType: 'float32', dims: m.dims, data: new Float32Array(m.dims.reduce((n, d) => n * d, 1)) },
  })),
]);
const whole = (of) => ({
  dataType: 'int64',
  dims: [batch, length],
  data: BigInt64Array.from({ length: batch * length }, (_, i) => BigInt(of(i))),
});
const scalar = (value) => ({ dataType: 'float32', dims: [], data: Float32Array.of(value) });
const given = {
  input_ids: whole((i) => (i * 7919) % 30522),
  attention_mask: whole(() => 1),
  token_type_ids: whole(() => 0),
};
const [times, cpu] = [[], []];
for (let i = 1; i <= Number(steps); i++) {
  const [start, before] = [performance.now(), used()];
  await program.step(
    held,
    {
      ...given,
      labels: {
        dataType: 'int64',
        dims: [batch],
        data: BigInt64Array.from({ length: batch }, (_, k) => BigInt(k % classes)),
      },
      learning_rate: scalar(1e-4),
      bias_correction1: scalar(1 - 0.9 ** i),
      bias_correction2: scalar(1 - 0.999 ** i),
    },
    ['loss'],
  );
  times.push(performance.now() - start);
  cpu.push(used() - before);
}
console.log(JSON.stringify({ times, cpu, compile, mib: process.resourceUsage().maxRSS / 1024 }));
