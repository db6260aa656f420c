import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Preprocessing } from '../../src/domain/types.js';
import { encodeModel, graphBuilder, linearHead, type Model, tensor } from '../../src/onnx/index.js';
import { type PredictClient, predictClient } from '../../src/services/predict-client.js';
import type { ServedModel } from '../../src/services/predict-protocol.js';
import type { BlobStore } from '../../src/storage/blob.js';
import { until } from './until.js';

const ROOT = join(import.meta.dirname, '../..');
const OPSET = 17;
export const FEATURES = 8;
export const PREPROCESSING: Preprocessing = {
  resize: 36,
  crop: 32,
  layout: 'NCHW',
  channels: 'RGB',
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** Weights that look random and depend on `seed` only. */
function weights(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin((i + 1) * 12.9898 + seed * 78.233) * 0.3);
}

/** A small convolutional base, `image` [N, 3, 32, 32] -> `features` [N, 8], with `ballast` floats that it needs. */
export function smallBase(seed: number, ballast = 0): Model {
  const b = graphBuilder({ opset: OPSET, name: `small-${seed}` });
  const image = b.input('image', 'float32', ['N', 3, 32, 32]);
  const kernel = b.initializer('conv.weight', tensor('', 'float32', [FEATURES, 3, 4, 4], weights(FEATURES * 48, seed)));
  const map = b.op('Relu', [b.op('Conv', [image, kernel], { strides: [4, 4] })]);
  let rows = b.op('Flatten', [b.op('GlobalAveragePool', [map])], { axis: 1 });
  if (ballast > 0) {
    const side = Math.ceil(ballast / (2 * FEATURES));
    const up = b.initializer('up', tensor('', 'float32', [FEATURES, side], weights(FEATURES * side, seed + 1)));
    const down = b.initializer('down', tensor('', 'float32', [side, FEATURES], weights(FEATURES * side, seed + 2)));
    rows = b.op('MatMul', [b.op('MatMul', [rows, up]), down]);
  }
  b.output(b.op('Identity', [rows], {}, { outputs: ['features'] }), 'float32', ['N', FEATURES]);
  return b.model();
}
export function smallHead(seed: number, classes: number, scale = 1): Model {
  const weight = weights(FEATURES * classes, seed).map((w) => w * 8 * scale);
  return linearHead({ features: FEATURES, classes, opset: OPSET, weight, probabilities: true });
}

export const fileOf = (model: Model): Uint8Array => new Uint8Array(Buffer.concat(encodeModel(model)));

/** Puts a base and heads where the prediction process looks for them. */
export async function storeModels(
  blobs: BlobStore,
  base: Model,
  heads: readonly { id: string; head: Model; labels: readonly string[] }[],
): Promise<readonly ServedModel[]> {
  const file = fileOf(base);
  const digest = `sha256:${createHash('sha256').update(file).digest('hex')}`;
  await blobs.put(`bases/${digest}`, Readable.from([file]));
  return Promise.all(
    heads.map(async ({ id, head, labels }): Promise<ServedModel> => {
      const headKey = `models/${id}/head`;
      await blobs.put(headKey, Readable.from([fileOf(head)]));
      const task = 'image-classification';
      return {
        id,
        task,
        base: { id: 'base_test', digest },
        cut: 'features',
        headKey,
        labels,
        preprocessing: PREPROCESSING,
        text: null,
      };
    }),
  );
}

export interface PredictProcess {
  readonly child: ChildProcess;
  readonly exited: Promise<number | NodeJS.Signals | null>;
  readonly output: () => string;
}
export interface PredictHome {
  readonly socket: string;
  readonly url: string;
  readonly client: PredictClient;
  /** Starts the built process; resolves when it answers (or, with `wait: false`, at once). */
  start(env?: Readonly<Record<string, string>>, wait?: boolean): Promise<PredictProcess>;
  close(): Promise<void>;
}

export async function predictHome(databaseUrl: string): Promise<PredictHome> {
  const home = await mkdtemp(join(tmpdir(), 'graft-predict-'));
  const socket = join(home, 'run', 'p.sock');
  const url = `unix:${socket}`;
  const client = predictClient({ predictUrl: url });
  const processes: PredictProcess[] = [];
  return {
    socket,
    url,
    client,
    async start(env = {}, wait = true) {
      const { PATH = '' } = process.env;
      const child = spawn(process.execPath, ['dist/workers/serving/main.js'], {
        cwd: ROOT,
        env: { PATH, GRAFT_HOME: home, DATABASE_URL: databaseUrl, PREDICT_URL: url, LOG_LEVEL: 'info', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
      const exited = new Promise<number | NodeJS.Signals | null>((resolve) =>
        child.once('exit', (code, signal) => resolve(code ?? signal)),
      );
      const started = { child, exited, output: () => output };
      processes.push(started);
      if (wait)
        await until(async () => {
          if (child.exitCode !== null) throw new Error(`it ended:\n${output}`);
          if (!output.includes('prediction is up') || !(await client.health())) throw new Error(`not up:\n${output}`);
        }, 20_000);
      return started;
    },
    async close() {
      await client.close();
      for (const { child, exited } of processes) {
        if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
        await exited;
      }
      await rm(home, { recursive: true, force: true });
    },
  };
}
