import { graphBuilder, tensor } from '../../src/onnx/index.js';
import { fileOf } from './predict.js';

/** Bases as nobody publishes them, for what must be refused or gone around. */
const numbers = (dims: readonly number[], by: number) => {
  const n = dims.reduce((a, d) => a * d, 1);
  return tensor(
    '',
    'float32',
    dims,
    Float32Array.from({ length: n }, (_, i) => by * Math.sin((i + 1) * 12.9898)),
  );
};
const SAYS = { layout: 'NCHW', channels: 'RGB', scale: 1 / 255, mean: [0.5], std: [0.25] };
const described = (side: number) => new Map([['preprocessing', JSON.stringify({ ...SAYS, resize: side, crop: side })]]);

/** A convolution, the determinant of each of its maps (no gradient rule) by a node of that name, and two layers above. */
export function baseWithDeterminant(node: string): Uint8Array {
  const b = graphBuilder({ opset: 13, name: 'determinant' });
  const x = b.input('image', 'float32', ['N', 3, 32, 32]);
  const kernel = b.initializer('conv', numbers([8, 3, 8, 8], 0.1));
  const maps = b.op('Relu', [b.op('Conv', [x, kernel], { strides: [8, 8] })], {}, { outputs: ['maps'] });
  const determinants = b.op('Tanh', [b.op('Det', [maps], {}, { name: node })]);
  const hidden = b.op('Gemm', [determinants, b.initializer('hidden', numbers([8, 16], 0.5))]);
  const logits = b.op('Gemm', [b.op('Relu', [hidden]), b.initializer('last', numbers([16, 6], 0.5))]);
  b.output(b.op('Identity', [logits], {}, { outputs: ['logits'] }), 'float32', ['N', 6]);
  const model = b.model();
  return fileOf({ ...model, metadata: described(32) });
}

/** A tensor of that name, made by an operator of that domain. */
export function baseNamed({ tensor: name, domain }: { tensor: string; domain: string }): Uint8Array {
  const b = graphBuilder({ opset: 13, name: 'named' });
  const image = b.input('image', 'float32', ['N', 3, 32, 32]);
  b.output(b.op('Relu', [image], {}, { outputs: [name], domain }), 'float32', ['N', 3, 32, 32]);
  return fileOf(b.model());
}

/** One convolution to `channels` maps of pictures of 64 pixels, each of them 62x62. */
export function baseOfMaps(channels: number): Uint8Array {
  const b = graphBuilder({ opset: 13, name: 'wide' });
  const kernel = b.initializer('conv', numbers([channels, 3, 3, 3], 0.2));
  const maps = b.op('Relu', [b.op('Conv', [b.input('image', 'float32', ['N', 3, 64, 64]), kernel])]);
  const features = b.op('Flatten', [b.op('GlobalAveragePool', [maps])], { axis: 1 }, { outputs: ['features'] });
  b.output(features, 'float32', ['N', channels]);
  const model = b.model();
  return fileOf({ ...model, metadata: described(64) });
}

/** A network that halves its maps four times, for pictures of `side` pixels: 46 are the fewest that it can take. */
export function baseForPicturesOf(side: number): Uint8Array {
  const b = graphBuilder({ opset: 13, name: 'larger' });
  let x = b.input('image', 'float32', ['N', 3, side, side]);
  for (let layer = 0; layer < 4; layer++) {
    const kernel = b.initializer(`conv${layer}`, numbers([8, layer === 0 ? 3 : 8, 3, 3], 0.2));
    const convolved = b.op('Relu', [b.op('Conv', [x, kernel])]);
    x = b.op('MaxPool', [convolved], { kernel_shape: [2, 2], strides: [2, 2] });
  }
  b.output(b.op('Flatten', [b.op('GlobalAveragePool', [x])], { axis: 1 }, { outputs: ['features'] }), 'float32', [
    'N',
    8,
  ]);
  const model = b.model();
  return fileOf({ ...model, metadata: described(side) });
}
