import { writeFileSync } from 'node:fs';

/** A base that learned nothing and computes nothing: pixels of 32x32 as features. Writes it to `target`, returns that. */
export async function rawPixels(target) {
  const { encodeModel, graphBuilder } = await import(new URL('../../dist/src/onnx/index.js', import.meta.url).href);
  const b = graphBuilder({ opset: 17, name: 'raw-pixels' });
  const x = b.input('pixels', 'float32', ['N', 3, 32, 32]);
  b.output(b.op('Flatten', [x], { axis: 1 }, { outputs: ['features'] }), 'float32', ['N', 3 * 32 * 32]);
  writeFileSync(target, Buffer.concat(encodeModel(b.model())));
  return target;
}
