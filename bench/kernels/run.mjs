// The forms in which a convolution and its gradients can be written, timed one by one for shapes that image networks have: what
// src/onnx/lower/convolution-forms.ts chooses by, and what the blocked layout gains.
//   npm run bench:kernels [-- batch]
// Prints milliseconds (least of several runs) by shape, the chosen standard form marked with *; of the blocked layout what it
// takes alone, the reordering of tensors included, which between two convolutions falls away. On a machine that others use too,
// BENCH_TIME=cpu prints processor time on one thread.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { build } from '../../scripts/build.mjs';

await build();
const { blockedLayout, differentiate, encodeModel, graphBuilder, gradientName, stated } = await import(
  '../../dist/src/onnx/index.js'
);
const { inputForm, weightForm } = await import('../../dist/src/onnx/lower/convolution-forms.js');
const lower = await import('../../dist/src/onnx/lower/convolution.js');
const { emptied } = await import('../../dist/src/onnx/lower/gradients.js');
const { blockOfChannels } = await import('../../dist/workers/executors/onnxruntime-blocks.js');

const cpu = process.env.BENCH_TIME === 'cpu';
const n = Number(process.argv[2] ?? 8);
const block = await blockOfChannels();
/** Output channels, input channels, groups, size of the map, kernel, stride. */
const SHAPES = [
  [32, 3, 1, 224, 3, 2],
  [64, 3, 1, 224, 7, 2],
  [64, 64, 1, 56, 3, 1],
  [128, 64, 1, 56, 3, 2],
  [256, 256, 1, 14, 3, 1],
  [96, 16, 1, 112, 1, 1],
  [24, 144, 1, 56, 1, 1],
  [384, 64, 1, 14, 1, 1],
  [160, 960, 1, 7, 1, 1],
  [128, 64, 1, 56, 1, 2],
  [32, 32, 32, 112, 3, 1],
  [96, 96, 96, 112, 3, 2],
  [144, 144, 144, 56, 3, 1],
  [384, 384, 384, 14, 3, 1],
  [576, 576, 576, 14, 3, 2],
];

function graphOf([out, into, group, size, kernel, stride], what) {
  const b = graphBuilder({ opset: 17 });
  const pad = Math.floor(kernel / 2);
  const after = Math.floor((size + 2 * pad - kernel) / stride) + 1;
  const dims = { x: [n, into, size, size], w: [out, into / group, kernel, kernel], y: [n, out, after, after] };
  const [x, w, g] = ['x', 'w', 'g'].map((name) => b.input(name, 'float32', dims[name === 'g' ? 'y' : name]));
  const attributes = { group, kernel_shape: [kernel, kernel], pads: [pad, pad, pad, pad], strides: [stride, stride] };
  const y = b.op('Conv', [x, w], attributes, { outputs: ['y'] });
  // The gradient by y of the sum of g y is g.
  const axes = b.constant({ name: '', dataType: 'int64', dims: [1], data: new Uint8Array(8) });
  const flat = b.op('Reshape', [
    b.op('Mul', [y, g]),
    b.constant({ name: '', dataType: 'int64', dims: [1], data: new Uint8Array(8).fill(255) }),
  ]);
  b.output(b.op('ReduceSum', [flat, axes], { keepdims: 0 }, { outputs: ['loss'] }), 'float32', []);
  const size_ = (d) => ({ dataType: 'float32', dims: d });
  const model = b.model();
  const shapes = new Map([
    ['x', size_(dims.x)],
    ['w', size_(dims.w)],
    ['g', size_(dims.y)],
    ['y', size_(dims.y)],
    ['loss', size_([])],
  ]);
  for (const node of model.graph.nodes)
    for (const name of node.outputs)
      if (!shapes.has(name))
        shapes.set(name, size_(node.opType === 'Mul' ? dims.y : [dims.y.reduce((p, d) => p * d, 1)]));
  if (what === 'forward')
    return {
      model: {
        ...model,
        graph: {
          ...model.graph,
          outputs: [{ name: 'y', dataType: 'float32', shape: null }],
          nodes: model.graph.nodes.slice(0, 1),
        },
      },
      shapes,
    };
  const whole = differentiate(model, 'loss', [what], shapes);
  const wanted = whole.graph.nodes.find((node) => node.domain === 'graft');
  // Only the gradient's node, of g itself.
  const inputs = wanted.inputs.map((name) => (shapes.has(name) ? name : 'g'));
  const identity = whole.graph.nodes.find((node) => node.outputs[0] === gradientName(what));
  const nodes = [
    { ...wanted, inputs, outputs: ['result'] },
    { ...identity, inputs: ['result'] },
  ];
  const outputs = whole.graph.outputs.filter((v) => v.name === gradientName(what));
  return { model: { ...whole, graph: { ...whole.graph, nodes, outputs } }, shapes };
}

function inForm(model, form) {
  const b = emptied(model, 'form/');
  for (const node of model.graph.nodes)
    if (node.domain !== 'graft') b.node(node);
    else
      b.op(
        'Identity',
        [
          node.opType === lower.CONV_INPUT_GRADIENT
            ? lower.convInputGradient(b, node, form)
            : lower.convWeightGradient(b, node, form),
        ],
        {},
        { outputs: node.outputs },
      );
  const made = b.model();
  return {
    ...made,
    opsets: new Map([...made.opsets].filter(([d]) => d !== 'graft')),
    graph: { ...made.graph, outputs: model.graph.outputs },
  };
}

async function time(model) {
  const session = await InferenceSession.create(Buffer.concat(encodeModel(model)), {
    intraOpNumThreads: cpu ? 1 : 2,
    interOpNumThreads: 1,
    enableCpuMemArena: false,
    enableMemPattern: false,
    logSeverityLevel: 4,
  });
  const feeds = Object.fromEntries(
    model.graph.inputs.map(({ name, shape }) => {
      const data = Float32Array.from(
        { length: shape.reduce((p, d) => p * d, 1) },
        (_, i) => (((i * 7919) & 255) - 128) / 128,
      );
      return [name, new Tensor('float32', data, shape)];
    }),
  );
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 6; i++) {
    const [start, used] = [performance.now(), process.cpuUsage()];
    await session.run(feeds);
    const { user, system } = process.cpuUsage(used);
    least = Math.min(least, cpu ? (user + system) / 1000 : performance.now() - start);
  }
  await session.release();
  return least;
}

const geometry = (node) => {
  const g = lower.geometryOf(node);
  return { ...g, ...g.w, opset: 17 };
};
console.log(
  `onnxruntime, batch ${n}, ${cpu ? 'processor time on one thread' : 'two threads'}, blocks of ${block ?? 'no'} channels; ms`,
);
console.log('out x in (groups), map, kernel, stride');
for (const shape of SHAPES) {
  const [out, into, group, size, kernel, stride] = shape;
  const cells = [];
  for (const what of ['forward', 'x', 'w']) {
    const { model, shapes } = graphOf(shape, what);
    const node = model.graph.nodes[0];
    const cell = async (name, make) => {
      cells.push(`${name} ${(await time(make())).toFixed(2)}`);
    };
    if (what === 'forward') await cell('forward', () => model);
    else {
      const chosen = what === 'x' ? inputForm(geometry(node)) : weightForm(geometry(node));
      const point = kernel === 1 && stride === 1;
      const forms =
        what === 'x'
          ? stride === 1
            ? ['conv', 'transposed']
            : ['transposed']
          : group > 1
            ? ['kernel', 'taps']
            : point
              ? ['product', 'taps']
              : ['taps'];
      for (const form of forms) await cell(`d${what} ${form}${form === chosen ? '*' : ''}`, () => inForm(model, form));
    }
    if (block !== null) {
      const laid = blockedLayout(stated(model, shapes, [...shapes.keys()]), block);
      if (!laid.graph.nodes.some((at) => at.domain === 'graft')) await cell('blocked', () => laid);
    }
  }
  console.log(`${out} x ${into} (${group}), ${size}, ${kernel}, ${stride}: ${cells.join('; ')}`);
}
