import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import yazl from 'yazl';

/**
 * A base that learned nothing: it counts which pieces of words a text has, in no order, by the tokenizer in the folder
 * `like`. Mean-pooled, its features are each piece's share of the text. Writes the folder as a zip to `target`, returns that.
 */
export async function bagOfPieces(like, target) {
  const { encodeModel, graphBuilder, constant, cast, tensor, unsqueeze } = await import(
    new URL('../../dist/src/onnx/index.js', import.meta.url).href
  );
  const { vocab_size } = JSON.parse(readFileSync(join(like, 'config.json'), 'utf8'));
  const b = graphBuilder({ opset: 17, name: 'bag-of-pieces' });
  const ids = b.input('input_ids', 'int64', ['N', 'L']);
  const mask = b.input('attention_mask', 'int64', ['N', 'L']);
  const depth = constant(b, 'int64', vocab_size, [1]);
  const hot = b.op('OneHot', [ids, depth, b.constant(tensor('', 'float32', [2], [0, 1]))]);
  const shown = b.op('Mul', [hot, unsqueeze(b, cast(b, mask, 'float32'), [2])], {}, { outputs: ['pieces'] });
  b.output(shown, 'float32', ['N', 'L', vocab_size]);
  const zip = new yazl.ZipFile();
  zip.addBuffer(Buffer.concat(encodeModel(b.model())), 'model.onnx');
  for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) zip.addFile(join(like, name), name);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(target));
  return target;
}
