// A thread for tests: says 'ready', then answers each question with itself, later the longer it is; dies of some words.
import { parentPort } from 'node:worker_threads';

let last = Promise.resolve();
parentPort.on('message', (question) => {
  if (question === 'throw') throw new RangeError('as told');
  if (question === 'exit') process.exit(3);
  if (question === 'end') return parentPort.close();
  last = last.then(() => new Promise((resolve) => setTimeout(resolve, question.length ?? 0)));
  last.then(() => parentPort.postMessage(question));
});
parentPort.postMessage('ready');
