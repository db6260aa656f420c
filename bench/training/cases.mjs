// What bench:training measures: the file, our steps, PyTorch's, and the bars as ratios of time.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const models = join(dirname(fileURLToPath(import.meta.url)), '../../../shared/data/models');
const mobilenet = () => join(models, 'mobilenetv2-1.0-imagenet-backbone.onnx');
const LAST_BLOCK = 4;

/** Bars of time against PyTorch as installed and at its best, and of memory as installed; what is left out has none. */
const image = (name, file, width, batch, steps, bars, more = {}) => ({
  name: `${name}, all layers, batch ${batch}`,
  file,
  ours: { script: 'step.mjs', args: (base) => [base, 'features', width, batch, steps, 'all', 'frozen'] },
  theirs: [{ name: 'as installed', args: (base) => ['image', base, batch, steps, 'all'] }],
  bars,
  ...more,
});

const onnxruntime = (installed) => ({ installed, memory: 1.0 });
const tensorflow = (time) => ({ ...time, memory: 1.1 });

export const CASES = [
  image(
    'MobileNetV2',
    mobilenet,
    1280,
    8,
    10,
    { onnxruntime: onnxruntime(1.0), tensorflow: tensorflow({ installed: 0.6, best: 1.0 }) },
    { compileBar: 3, keras: ['8', '10'] },
  ),
  image(
    'MobileNetV2',
    mobilenet,
    1280,
    32,
    6,
    { onnxruntime: onnxruntime(0.5), tensorflow: tensorflow({ installed: 0.6, best: 1.0 }) },
    { keras: ['32', '6'] },
  ),
  image('ResNet-18', (network) => network('resnet18'), 512, 8, 8, {
    onnxruntime: onnxruntime(1.0),
    tensorflow: tensorflow({ best: 1.0 }),
  }),
  image('EfficientNet-Lite0', (network) => network('efficientnet-lite0'), 1280, 8, 8, {
    onnxruntime: onnxruntime(1.0),
    tensorflow: tensorflow({ installed: 0.7 }),
  }),
  {
    name: `MobileNetV2, last ${LAST_BLOCK} layers, frozen part kept, batch 32`,
    file: mobilenet,
    ours: { script: 'step.mjs', args: (base) => [base, 'features', 1280, 32, 20, LAST_BLOCK, 'frozen'] },
    theirs: [
      { name: 'kept too', args: (base) => ['image', base, 32, 20, `cached:${LAST_BLOCK}`], bar: 1.0 },
      {
        name: 'frozen part run each time',
        args: (base) => ['image', base, 32, 6, `recomputed:${LAST_BLOCK}`],
        bar: 0.2,
      },
    ],
    bars: { onnxruntime: { memory: 1.0 } },
  },
  {
    name: 'MiniLM, 6 layers of 384, batch 16, length 64',
    file: () => join(models, 'minilm-l6-v2/onnx/model.onnx'),
    ours: { script: 'text.mjs', args: (base) => [base, 16, 8, 64] },
    theirs: [{ name: 'as installed', args: (base) => ['text', base, 16, 8, 64] }],
    bars: { onnxruntime: onnxruntime(1.0), tensorflow: tensorflow({ installed: 0.9 }) },
  },
  {
    name: 'BERT, 12 layers of 384: only compiled, batch 16, length 64',
    file: (network) => network('bert12'),
    ours: { script: 'text.mjs', args: (base) => [base, 16, 1, 64] },
    theirs: [],
    compileBar: 6,
  },
];
