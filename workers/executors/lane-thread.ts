import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession } from 'onnxruntime-node';
import type { HostTensor } from './executor.js';
import { type FromLane, memoryOf, type ToLane } from './lane-messages.js';
import { hostOf, tensorOf } from './onnxruntime-tensors.js';

/** The thread of one session. It is waited for, so it loads little. */
const options = workerData as InferenceSession.SessionOptions;
const port = parentPort;
if (port === null) throw new Error('lane-thread is started by threadLanes');

let session: InferenceSession | undefined;

async function answer(message: Exclude<ToLane, { type: 'stop' }>): Promise<FromLane> {
  if (message.type === 'load') {
    session = await InferenceSession.create(message.file, options);
    return { type: 'ready', outputs: session.outputNames };
  }
  if (session === undefined) throw new Error('Nothing is loaded.');
  const feeds = Object.fromEntries(Object.entries(message.feeds).map(([name, value]) => [name, tensorOf(value)]));
  const made = await session.run(feeds, message.fetch);
  // The engine's own memory cannot move.
  const copied = Object.entries(made).map(([name, tensor]): [string, HostTensor] => {
    const { data, ...rest } = hostOf(tensor);
    return [name, { ...rest, data: data.slice() }];
  });
  return { type: 'results', results: Object.fromEntries(copied) };
}

port.on('message', async (message: ToLane) => {
  if (message.type === 'stop') {
    await session?.release();
    port.close();
    return;
  }
  const said = await answer(message).catch(
    (error: unknown): FromLane => ({ type: 'failed', detail: error instanceof Error ? error.message : String(error) }),
  );
  port.postMessage(said, said.type === 'results' ? memoryOf(said.results) : []);
});
