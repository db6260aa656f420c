import { InferenceSession, Tensor } from 'onnxruntime-node';
import { encodeModel, graphBuilder, type Model } from '../../src/onnx/index.js';

const DOMAIN = 'com.microsoft.nchwc';
const CHANNELS = 64;

/** [1, 64, 1, 2] -> the same numbers in blocks of channels. */
function reordering(): Model {
  const b = graphBuilder({ opset: 13, name: 'blocks' });
  const x = b.input('x', 'float32', [1, CHANNELS, 1, 2]);
  b.output(b.op('ReorderInput', [x], {}, { domain: DOMAIN, outputs: ['y'] }), 'float32', null);
  const model = b.model();
  return { ...model, opsets: new Map([...model.opsets, [DOMAIN, 1]]) };
}

/**
 * How many channels onnxruntime's convolutions on this processor take together (16 with AVX-512, 8 with AVX), found by letting
 * it reorder numbers whose places are known: the second place of channel 0 comes behind the first block. null where this
 * build has no such operators or they do something else; training then goes by the standard operators.
 */
export async function blockOfChannels(): Promise<number | null> {
  try {
    const session = await InferenceSession.create(Buffer.concat(encodeModel(reordering())), {
      intraOpNumThreads: 1,
      logSeverityLevel: 4,
    });
    const data = Float32Array.from({ length: 2 * CHANNELS }, (_, i) => i);
    const { y } = await session.run({ x: new Tensor('float32', data, [1, CHANNELS, 1, 2]) });
    await session.release();
    const found = y?.data as Float32Array;
    const block = found.indexOf(1);
    const expected = (i: number): number => {
      const [round, rest] = [Math.floor(i / (2 * block)), i % (2 * block)];
      return 2 * (round * block + (rest % block)) + Math.floor(rest / block);
    };
    return block > 1 && CHANNELS % block === 0 && found.every((v, i) => v === expected(i)) ? block : null;
  } catch {
    return null;
  }
}
