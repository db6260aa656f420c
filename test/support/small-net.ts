import { graphBuilder, type Model, tensor } from '../../src/onnx/index.js';
import { picture } from './pictures.js';
import type { Picture } from './training.js';

export const CROP = 32;
export const PREPROCESSING = {
  resize: CROP,
  crop: CROP,
  layout: 'NCHW',
  channels: 'RGB',
  scale: 1 / 255,
  mean: [0.5],
  std: [0.25],
} as const;
export const WIDTH = 12;
const LABELS = ['red', 'green', 'blue'] as const;

/** Three convolutions with batch normalisation, the last with a shortcut past it. */
export function smallNet(): Model {
  const b = graphBuilder({ opset: 13, name: 'net' });
  const numbers = (n: number, seed: number, by: number, from = 0) =>
    Array.from({ length: n }, (_, i) => from + by * Math.sin(i * 12.9898 + seed * 78.233));
  const vector = (name: string, by: number, from: number) =>
    b.initializer(name, tensor('', 'float32', [WIDTH], numbers(WIDTH, name.length, by, from)));
  let x = b.input('image', 'float32', ['N', 3, CROP, CROP]);
  for (let layer = 0; layer < 3; layer++) {
    const from = layer === 0 ? 3 : WIDTH;
    const kernel = b.initializer(
      `conv${layer}`,
      tensor('', 'float32', [WIDTH, from, 3, 3], numbers(WIDTH * from * 9, layer, 0.25)),
    );
    const convolved = b.op('Conv', [x, kernel], { pads: [1, 1, 1, 1], strides: layer < 2 ? [2, 2] : [1, 1] });
    const [scale, bias] = [vector(`scale${layer}`, 0.2, 1), vector(`bias${layer}`, 0.1, 0)];
    const [mean, variance] = [vector(`mean${layer}`, 0.1, 0), vector(`variance${layer}`, 0.3, 1)];
    const y = b.op('Relu', [b.op('BatchNormalization', [convolved, scale, bias, mean, variance])]);
    x = layer === 2 ? b.op('Add', [x, y]) : y;
  }
  b.output(b.op('Flatten', [b.op('GlobalAveragePool', [x])], { axis: 1 }, { outputs: ['features'] }), 'float32', [
    'N',
    WIDTH,
  ]);
  return b.model();
}

/** 90 pictures whose strongest colour is their label, in noise. */
export const pictures = (): Promise<readonly Picture[]> =>
  Promise.all(
    Array.from({ length: 90 }, async (_, i) => {
      const label = LABELS[i % 3]!;
      const strong = (c: number) => (c === i % 3 ? 120 + ((i * 37) % 60) : 40 + ((i * 53 + c * 31) % 110));
      const bytes = await picture(i, {
        colour: [strong(0), strong(1), strong(2)],
        width: 48,
        height: 40,
        format: 'png',
      });
      return { path: `${label}/${i}.png`, label, split: null, bytes };
    }),
  );
