import { createRequire } from 'node:module';
import type { Config } from '../src/config.js';
import type { EngineRepository } from '../src/domain/ports.js';
import type { Engine, EngineReport, Job } from '../src/domain/types.js';
import type { Logger } from '../src/log.js';
import { findTensorflow } from './executors/tensorflow/installation.js';
import { probeTensorflow } from './executors/tensorflow/probe.js';

/** What a run is to be trained on, and why; `addonPath` and `device` are the TensorFlow engine's. */
export interface EngineChoice {
  readonly executor: Engine['executor'];
  readonly why: string;
  readonly addonPath: string | null;
  readonly device: string;
  /** Whether another engine may take over where this one cannot run the graph. */
  readonly free: boolean;
  /** Whether a step is timed on this engine and on onnxruntime, and the faster one trains. */
  readonly timed: boolean;
}
interface Found extends EngineReport {
  readonly addonPath: string | null;
  readonly gpu: boolean;
}
export interface EngineRegistry {
  /** Every engine of this machine. TensorFlow is tried by a kernel when its installation is first seen, or another. */
  current(): Promise<readonly EngineReport[]>;
  /** null: what was asked for is not here. */
  choose(requested: Job['engineRequested'], job: Pick<Job, 'method'>): Promise<EngineChoice | null>;
  /** A run on this engine broke off: it is tried anew before it is chosen again. */
  doubt(executor: Engine['executor']): void;
}

export const INSTALL = 'npm run engine:tensorflow';
/** An engine that failed may have been mended: it is tried again after so long. */
const AGAIN_MS = 60_000;

export function engineRegistry(
  config: Pick<Config, 'home'> & { readonly engine?: Config['engine'] },
  probe: typeof probeTensorflow = probeTensorflow,
): EngineRegistry {
  const embedded: Found = {
    executor: 'onnxruntime',
    usable: true,
    version: ONNXRUNTIME,
    device: 'cpu',
    reason: null,
    checkedAt: new Date(),
    addonPath: null,
    gpu: false,
  };
  let known: { readonly path: string; readonly found: Promise<Found>; readonly until: number } | null = null;

  async function tensorflow(): Promise<Found> {
    const installation = findTensorflow(config.home);
    const none = { executor: 'tensorflow', usable: false, version: null, device: null, gpu: false } as const;
    if (installation === null) {
      known = null;
      return { ...none, reason: `It is not installed: ${INSTALL}`, addonPath: null, checkedAt: new Date() };
    }
    const path = installation.addonPath;
    if (known?.path !== path || performance.now() > known.until) {
      const found = probe(installation).then((result): Found => {
        const checkedAt = new Date();
        if (!result.usable) return { ...none, reason: result.reason, addonPath: path, checkedAt };
        const { version, device, gpu } = result;
        return { executor: 'tensorflow', usable: true, version, device, reason: null, addonPath: path, gpu, checkedAt };
      });
      const made = { path, found, until: Number.POSITIVE_INFINITY };
      known = made;
      const { usable } = await found;
      if (!usable && known === made) known = { ...made, until: performance.now() + AGAIN_MS };
    }
    return known.found;
  }
  return {
    async current() {
      return [embedded, await tensorflow()].map(({ addonPath: _path, gpu: _gpu, ...report }) => report);
    },
    doubt(executor) {
      if (executor === 'tensorflow') known = null;
    },
    async choose(requested, job) {
      return chosen(requested === 'auto' ? (config.engine ?? 'auto') : requested, requested, job, [
        embedded,
        await tensorflow(),
      ]);
    },
  };
}
/** Without loading it: this process never runs a graph. */
const ONNXRUNTIME = (createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }).version;

/** Says every few seconds what this worker can train on, until it is closed. */
export function advertise(
  engines: EngineRegistry,
  repository: EngineRepository,
  workerId: string,
  log: Logger,
): { close(): Promise<void> } {
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  const turn = async (): Promise<void> => {
    try {
      const reports = await engines.current();
      if (!closed) await repository.report(workerId, reports);
    } catch (error) {
      log.warn({ err: error }, 'The engines of this worker cannot be told');
    }
    if (!closed) timer = setTimeout(next, EVERY_MS);
  };
  let under: Promise<void> = Promise.resolve();
  const next = (): void => {
    under = turn();
  };
  next();
  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await under;
      await repository.leave(workerId).catch((error: unknown) => log.debug({ err: error }, 'Engines stay behind'));
    },
  };
}
const EVERY_MS = 5000;

/**
 * A GPU first. On processors, for training layers, TensorFlow or onnxruntime, whichever the run finds faster: it depends on
 * processor and network (two cores without AVX-512: MobileNetV2 219 and 285 ms a step on onnxruntime and TensorFlow, an epoch of
 * MiniLM 12 and 17 s). A head alone is onnxruntime's.
 */
function chosen(
  wanted: Job['engineRequested'],
  requested: Job['engineRequested'],
  { method }: Pick<Job, 'method'>,
  [embedded, tensorflow]: readonly [Found, Found],
): EngineChoice | null {
  const onnxruntime = (why: string): EngineChoice => ({
    ...{ executor: 'onnxruntime', why, addonPath: null, device: 'cpu', free: false, timed: false },
  });
  const other = (why: string, { free = true, timed = false }): EngineChoice | null => {
    if (!tensorflow.usable) return null;
    const { addonPath, device } = tensorflow;
    return { executor: 'tensorflow', why, addonPath, device: device ?? 'cpu', free, timed };
  };
  const by = requested === 'auto' ? 'this worker is set to it (GRAFT_ENGINE)' : 'the job asks for it';
  if (wanted === 'onnxruntime') return embedded.usable ? onnxruntime(by) : null;
  if (wanted === 'tensorflow') return other(by, { free: false });
  if (tensorflow.gpu) return other('there is a GPU', {});
  if (method.type === 'featureExtraction')
    return onnxruntime('nothing but a head is trained, for which it is the fastest on a processor');
  return (
    other('layers are trained, and no step could be timed', { timed: true }) ??
    onnxruntime(`TensorFlow cannot be used here: ${tensorflow.reason}`)
  );
}
