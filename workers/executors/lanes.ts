import type { InferenceSession } from 'onnxruntime-node';
import { askedThread } from '../asked-thread.js';
import { entryOf } from '../entry.js';
import type { Lanes, Program } from './executor.js';
import { type FromLane, memoryOf, type ToLane } from './lane-messages.js';

/** A program that blocks this thread. */
export function oneLane(program: Program): Lanes {
  return { outputs: program.outputs, count: 1, threads: null, run: program.run, dispose: program.dispose };
}

interface Lane {
  readonly outputs: readonly string[];
  ask(message: ToLane): Promise<FromLane>;
  close(): Promise<void>;
}

/**
 * onnxruntime's sessions of one file on threads of their own, one each. Where each has one thread inside, no operator waits for the
 * slower half of itself, and what decodes pictures takes turns with whole passes: a sixth faster than one session on all cores
 * (MobileNetV2 on two).
 */
export async function threadLanes(
  file: Uint8Array,
  { count, threads, options }: { count: number; threads: number; options: InferenceSession.SessionOptions },
): Promise<Lanes> {
  const opening = Array.from({ length: count }, () => openLane(file, options));
  const opened = await Promise.allSettled(opening);
  const lanes = opened.flatMap((lane) => (lane.status === 'fulfilled' ? [lane.value] : []));
  const failed = opened.find((lane) => lane.status === 'rejected');
  if (failed !== undefined) {
    await Promise.all(lanes.map((lane) => lane.close()));
    throw failed.reason;
  }
  const free = [...lanes];
  const going = new Set<Promise<unknown>>();
  return {
    outputs: lanes[0]!.outputs,
    count,
    threads,
    async run(feeds, fetch) {
      const lane = free.pop();
      if (lane === undefined) throw new RangeError(`More than ${count} runs at the same time.`);
      const asked = lane.ask({ type: 'run', feeds, fetch }).finally(() => {
        going.delete(asked);
        free.push(lane);
      });
      going.add(asked);
      const answer = await asked;
      if (answer.type !== 'results') throw new Error(`A lane said '${answer.type}' of a run.`);
      return answer.results;
    },
    async dispose() {
      await Promise.allSettled(going);
      await Promise.all(lanes.map((lane) => lane.close()));
    },
  };
}

/** A thread with a session. It is never terminated, which inside onnxruntime would abort the process, but told to end. */
async function openLane(file: Uint8Array, options: InferenceSession.SessionOptions): Promise<Lane> {
  const thread = askedThread<ToLane, FromLane>(entryOf('executors/lane-thread'), {
    workerData: options,
  });
  const ask = async (message: ToLane): Promise<FromLane> => {
    const answer = await thread.ask(message, message.type === 'run' ? memoryOf(message.feeds) : []);
    if (answer.type === 'failed') throw new Error(answer.detail);
    return answer;
  };
  const close = async () => {
    thread.tell({ type: 'stop' });
    await thread.gone;
  };
  try {
    const ready = await ask({ type: 'load', file });
    if (ready.type !== 'ready') throw new Error(`A lane said '${ready.type}' before it was ready.`);
    return { outputs: ready.outputs, ask, close };
  } catch (error) {
    await close();
    throw error;
  }
}
