import { readFile, writeFile } from 'node:fs/promises';
import { GraftError } from '../../src/errors.js';
import {
  type BaseDescription,
  describe,
  examine,
  inferenceForm,
  inputShapes,
  measureShapes,
  OnnxError,
  type Shapes,
} from '../../src/onnx/index.js';
import { onnxruntimeExecutor, shapeRunner } from '../executors/onnxruntime.js';
import { firstToGo } from '../first-to-go.js';
import type { MeasureRequest, MeasureResult } from './measure-base.js';

/** Looks at a file that a stranger made: a crash, a hang or a flood of memory ends this process and no other. */
async function measure(request: MeasureRequest): Promise<MeasureResult> {
  const { model: found, problems } = examine(await readFile(request.path));
  if (found === null || problems.length > 0) return { problems };
  const model = inferenceForm(found);
  let inputs: Shapes = new Map();
  try {
    inputs = inputShapes(model, { batch: 2 });
    const executor = onnxruntimeExecutor({ threads: request.threads });
    const shapes = await measureShapes(model, inputs, shapeRunner(executor));
    const { preprocessorConfig, config } = request;
    const description = describe(model, {
      shapes,
      ...(preprocessorConfig === undefined ? {} : { preprocessorConfig }),
      ...(config === undefined ? {} : { config }),
    });
    const { tokenizer: files = {}, poolingConfig } = request;
    if (!description.tasks.includes('text-classification')) return { problems: [], description };
    if (!files['tokenizer.json'] && !files['vocab.txt'])
      return { problems: [], description: withoutTokenizer(description) };
    const { describeText, poolingSource } = await import('./text/describe-text.js');
    const { readsFirstToken } = description;
    const text = describeText(model, { files, config, poolingConfig, readsFirstToken });
    return { problems: [], description, text, poolingSource: poolingSource({ poolingConfig, readsFirstToken }) };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    const known = error instanceof OnnxError || error instanceof GraftError;
    const code = known ? error.code : 'run-failed';
    const detail = known ? words : `onnxruntime cannot run the model on ${sizesOf(inputs)}: ${words.slice(0, 500)}`;
    return { problems: [{ code, path: '', detail }] };
  }
}

/** Token ids without what makes them of texts are of no use to a user. */
const withoutTokenizer = (description: BaseDescription): BaseDescription => ({
  ...description,
  tasks: description.tasks.filter((task) => task !== 'text-classification'),
  notes: [
    ...description.notes,
    'It reads token ids but came without a tokenizer, so it takes no texts: upload the hub folder as a zip, with tokenizer.json (or vocab.txt) and config.json beside the model.',
  ],
});

const sizesOf = (inputs: Shapes): string =>
  [...inputs].map(([name, { dims }]) => `'${name}' of [${dims.join(', ')}]`).join(', ');

firstToGo();
// Nobody waits for the answer any more.
process.on('disconnect', () => process.exit(1));
process.once('message', (request: MeasureRequest) => {
  measure(request)
    .then((result) => writeFile(request.answer, JSON.stringify(result)))
    .then(() => process.exit(0))
    .catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    });
});
