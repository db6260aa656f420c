import { readFile, writeFile } from 'node:fs/promises';
import { describe, examine, inputShapes, measureShapes, OnnxError, type Shapes } from '../../src/onnx/index.js';
import { onnxruntimeExecutor, shapeRunner } from '../executors/onnxruntime.js';
import { firstToGo } from '../first-to-go.js';
import type { MeasureRequest, MeasureResult } from './measure-base.js';

/** Looks at a file that a stranger made: a crash, a hang or a flood of memory ends this process and no other. */
async function measure(request: MeasureRequest): Promise<MeasureResult> {
  const { model, problems } = examine(await readFile(request.path));
  if (model === null || problems.length > 0) return { problems };
  let inputs: Shapes = new Map();
  try {
    inputs = inputShapes(model, { batch: 2 });
    const executor = onnxruntimeExecutor({ threads: request.threads });
    const shapes = await measureShapes(model, inputs, shapeRunner(executor));
    const { preprocessorConfig, config } = request;
    return {
      problems: [],
      description: describe(model, {
        shapes,
        ...(preprocessorConfig === undefined ? {} : { preprocessorConfig }),
        ...(config === undefined ? {} : { config }),
      }),
    };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    const code = error instanceof OnnxError ? error.code : 'run-failed';
    const detail =
      error instanceof OnnxError
        ? words
        : `onnxruntime cannot run the model on ${sizesOf(inputs)}: ${words.slice(0, 500)}`;
    return { problems: [{ code, path: '', detail }] };
  }
}

const sizesOf = (inputs: Shapes): string =>
  [...inputs].map(([name, { dims }]) => `'${name}' of [${dims.join(', ')}]`).join(', ');

firstToGo();
process.once('message', (request: MeasureRequest) => {
  measure(request)
    .then((result) => writeFile(request.answer, JSON.stringify(result)))
    .then(() => process.exit(0))
    .catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    });
});
