// The true service in a folder of its own, driven over HTTP: a model trained once and kept under bench/out for later runs.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createWriteStream, openAsBlob, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ZipFile } from 'yazl';

/** Below the ports that systems give to outgoing connections, so that none takes it before its service listens. */
export async function freePort() {
  for (;;) {
    const port = randomInt(12_000, 30_000);
    const server = createServer();
    const free = await new Promise((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

/** Runs `npm start`'s processes until `stop`. */
export async function startService(root, home) {
  const port = await freePort();
  const env = { ...process.env, PORT: String(port), GRAFT_HOME: home, LOG_LEVEL: 'warn' };
  const child = spawn(process.execPath, ['scripts/start.mjs'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.pipe(createWriteStream(join(home, 'bench-start.log')));
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    if (
      await fetch(`${url}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      )
    )
      break;
    if (child.exitCode !== null || tries > 300)
      throw new Error(`The service did not start; see ${home}/bench-start.log.`);
    await sleep(200);
  }
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
  };
  return { url, pid: child.pid, stop };
}

export async function call(url, path, init) {
  const answer = await fetch(url + path, init);
  const text = await answer.text();
  if (!answer.ok)
    throw Object.assign(new Error(`${init?.method ?? 'GET'} ${path}: ${answer.status} ${text.slice(0, 500)}`), {
      status: answer.status,
    });
  return JSON.parse(text);
}

/**
 * The thing once it is in the state `good`. A busy service may close a connection just as it is used again, or be without its
 * database for a moment: asked once more.
 */
export async function settled(url, path, good) {
  for (let failed = 0; ; ) {
    const thing = await call(url, path).catch((error) => {
      if (!(error instanceof TypeError || error.status === 503) || ++failed > 10) throw error;
      return null;
    });
    if (thing === null) {
      await sleep(1000);
      continue;
    }
    failed = 0;
    if (thing.state === good) return thing;
    if (thing.error) throw new Error(`${path} is ${thing.state}: ${thing.error.detail}`);
    await sleep(300);
  }
}

async function zipOf(folder, file) {
  const zip = new ZipFile();
  for (const split of ['train', 'val'])
    for (const label of ['ants', 'bees'])
      for (const name of readdirSync(join(folder, split, label)))
        zip.addFile(join(folder, split, label, name), `${split}/${label}/${name}`, { compress: false });
  zip.end();
  await new Promise((resolve, reject) =>
    zip.outputStream.pipe(createWriteStream(file)).on('close', resolve).on('error', reject),
  );
}

/** The newest model of the folder, trained from ants/bees on the folded MobileNetV2 if there is none. */
export async function trainedModel(url, data, scratch) {
  const known = (await call(url, '/v1/models?limit=1')).data[0];
  if (known) return known;
  await mkdir(scratch, { recursive: true });
  const zip = join(scratch, 'hymenoptera.zip');
  await zipOf(join(data, 'datasets/hymenoptera'), zip);
  const form = (fields) => {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, ...[value].flat());
    return { method: 'POST', body };
  };
  const weights = await openAsBlob(join(data, 'models/mobilenetv2-1.0-imagenet-backbone.onnx'));
  const base = await call(url, '/v1/bases', form({ name: 'mobilenetv2', file: [weights, 'mobilenetv2.onnx'] }));
  const archive = [await openAsBlob(zip, { type: 'application/zip' }), 'hymenoptera.zip'];
  const fields = { name: 'ants and bees', task: 'image-classification', file: archive };
  const dataset = await call(url, '/v1/datasets', form(fields));
  await Promise.all([
    settled(url, `/v1/bases/${base.id}`, 'ready'),
    settled(url, `/v1/datasets/${dataset.id}`, 'ready'),
  ]);
  const body = JSON.stringify({ task: 'image-classification', dataset: dataset.id, base: base.id });
  const job = await call(url, '/v1/jobs', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const done = await settled(url, `/v1/jobs/${job.id}`, 'succeeded');
  return call(url, `/v1/models/${done.model}`);
}

/** Downloads what the peer serves. */
export async function download(url, model, folder, names) {
  await mkdir(folder, { recursive: true });
  for (const name of names) {
    const answer = await fetch(`${url}/v1/models/${model.id}/files/${name}`);
    if (!answer.ok) throw new Error(`${name}: ${answer.status} ${await answer.text()}`);
    await writeFile(join(folder, name), Buffer.from(await answer.arrayBuffer()));
  }
}
