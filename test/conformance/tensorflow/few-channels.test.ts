import { describe, expect, it } from 'vitest';
import { graphBuilder, tensor } from '../../../src/onnx/index.js';
import { TENSORFLOW, tensorflow } from '../../support/tensorflow.js';

const [N, H, W, C] = [2, 3, 4, 3];
const [MEANS, SCALES] = [
  [10, 20, 30],
  [1, 2, 4],
] as const;

describe.runIf(TENSORFLOW !== null)('constants per channel beside pixels with the channels last', () => {
  it.each([false, true])('are taken from either side, as a graph: %s', async (training) => {
    const b = graphBuilder({ opset: 13, name: 'pixels' });
    const pixels = b.op('Transpose', [b.input('pixels', 'float32', [N, H, W, C])], { perm: [0, 3, 1, 2] });
    const means = b.initializer('means', tensor('', 'float32', [C, 1, 1], [...MEANS]));
    const scales = b.initializer('scales', tensor('', 'float32', [1, C, 1, 1], [...SCALES]));
    const centred = b.op('Sub', [means, pixels]);
    b.output(b.op('Mul', [centred, scales], {}, { outputs: ['y'] }), 'float32', [N, C, H, W]);
    b.output(b.op('Less', [pixels, means], {}, { outputs: ['below'] }), 'bool', [N, C, H, W]);
    // A constant of more axes makes the result one of more.
    const turned = b.op('Transpose', [b.input('pairs', 'float32', [2, C])], { perm: [1, 0] });
    const wider = b.initializer('wider', tensor('', 'float32', [1, C, 1], [...SCALES]));
    b.output(b.op('Mul', [turned, wider], {}, { outputs: ['more'] }), 'float32', [1, C, 2]);
    const program = await tensorflow().compile(b.model(), { training });
    const data = Float32Array.from({ length: N * H * W * C }, (_, i) => (i * 7) % 40);
    const feeds = {
      pixels: { dataType: 'float32', dims: [N, H, W, C], data: data.slice() },
      pairs: { dataType: 'float32', dims: [2, C], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    } as const;
    const { y, below, more } = await program.run(feeds, ['y', 'below', 'more']);
    expect(more!.dims).toEqual([1, C, 2]);
    expect(Array.from(more!.data as Float32Array)).toEqual([1, 4, 4, 10, 12, 24]);
    const at = (n: number, c: number, place: number): number => data[(n * H * W + place) * C + c]!;
    const each = Array.from({ length: N * C * H * W }, (_, i) => {
      const [n, c] = [Math.floor(i / (C * H * W)), Math.floor(i / (H * W)) % C];
      return { value: at(n, c, i % (H * W)), mean: MEANS[c]!, scale: SCALES[c]! };
    });
    expect(y!.dims).toEqual([N, C, H, W]);
    expect(Array.from(y!.data as Float32Array)).toEqual(each.map((e) => (e.mean - e.value) * e.scale));
    expect(Array.from(below!.data as Uint8Array)).toEqual(each.map((e) => (e.value < e.mean ? 1 : 0)));
    await program.dispose();
  });
});
