import type { Executor } from '../../workers/executors/executor.js';
import { tensorflowExecutor } from '../../workers/executors/tensorflow/executor.js';
import {
  findTensorflow,
  type Installation,
  libraryEnvironment,
} from '../../workers/executors/tensorflow/installation.js';

/**
 * The TensorFlow engine of the folder that TEST_TENSORFLOW_HOME names, else of the checkout's own `.graft`. Who has not
 * installed it (`npm run engine:tensorflow`) is told, and the tests that need it are left out; in CI it must be there.
 */
export const TENSORFLOW: Installation | null = installed(process.env.TEST_TENSORFLOW_HOME ?? '.graft');

function installed(home: string): Installation | null {
  const found = findTensorflow(home);
  if (found !== null) return found;
  if (process.env.CI === 'true') throw new Error(`In CI the TensorFlow engine must be installed (${home}).`);
  process.stderr.write('The TensorFlow engine is not installed: the tests on it are left out.\n');
  return null;
}

let made: Executor | null = null;
/** One for the whole process: the library is loaded once. */
export function tensorflow(): Executor {
  made ??= opened();
  return made;
}
/** The same library, worked with as where it has a GPU: call by call, and each step read after the next. */
export const queuedTensorflow = (): Executor => opened({ queued: true });

function opened(options?: Parameters<typeof tensorflowExecutor>[2]): Executor {
  if (TENSORFLOW === null) throw new Error('The TensorFlow engine is not installed.');
  Object.assign(process.env, libraryEnvironment(2));
  return tensorflowExecutor(TENSORFLOW, 'cpu', options);
}
