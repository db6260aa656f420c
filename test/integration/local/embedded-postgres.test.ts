import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../../../src/local/embedded-postgres.js';
import { processBirth } from '../../../src/local/postgres-processes.js';

const source = join(dirname(fileURLToPath(import.meta.url)), '../../../src/local/embedded-postgres.ts');
let dir: string;
let children: ChildProcess[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'graft-pg-'));
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  // What a killed supervisor left behind is ended by the next one.
  await (await startEmbeddedPostgres({ dir })).stop();
  await rm(dir, { recursive: true, force: true });
});

async function query(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}
async function until(what: () => boolean, ms: number): Promise<boolean> {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((r) => setTimeout(r, 20))) {
    if (what()) return true;
  }
  return what();
}

/** A supervisor of its own, which can be killed; says its Postgres's process id and address. */
async function supervisor(): Promise<{ child: ChildProcess; pid: number; url: string }> {
  const out = join(dirname(dirname(source)), '..', 'node_modules/.cache', `supervisor-${process.pid}.mjs`);
  await build({ entryPoints: [source], outfile: out, bundle: true, platform: 'node', format: 'esm', target: 'node20' });
  const code = `import { startEmbeddedPostgres } from ${JSON.stringify(out)};
    const db = await startEmbeddedPostgres({ dir: process.argv[1] });
    console.log(JSON.stringify({ pid: db.pid, url: db.url }));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const line = await new Promise<string>((done, fail) => {
    child.stdout!.once('data', (chunk: Buffer) => done(chunk.toString()));
    child.once('exit', (code) => fail(new Error(`The supervisor ended with ${code}`)));
  });
  return { child, ...(JSON.parse(line) as { pid: number; url: string }) };
}

test('keeps its data, port and password over a restart, and lets nobody in without the password', async () => {
  const first = await startEmbeddedPostgres({ dir });
  await query(first.url, "create table t as select 'ä' as word");
  const [facts] = await query(
    first.url,
    `select current_setting('server_encoding') as encoding, current_setting('fsync') as fsync,
       (select datcollate from pg_database where datname = current_database()) as collate`,
  );
  expect(facts).toEqual({ encoding: 'UTF8', fsync: 'on', collate: 'C' });
  const wrong = new URL(first.url);
  wrong.password = 'guess';
  await expect(query(wrong.href, 'select 1')).rejects.toThrow(/password authentication failed/);
  expect((await stat(join(dir, 'password'))).mode & 0o777).toBe(0o600);
  await first.stop();
  expect(processBirth(first.pid)).toBeNull();

  const second = await startEmbeddedPostgres({ dir });
  expect(second.url).toBe(first.url);
  expect(await query(second.url, 'select word from t')).toEqual([{ word: 'ä' }]);
  await second.stop();
});

test('a second one on the same folder is refused, naming the process that has it', async () => {
  const first = await startEmbeddedPostgres({ dir });
  await expect(startEmbeddedPostgres({ dir })).rejects.toThrow(new RegExp(`in use by process ${process.pid}`));
  expect(await query(first.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await first.stop();
});

test('recovers when Postgres itself is killed: what was committed is there', async () => {
  const first = await startEmbeddedPostgres({ dir });
  await query(first.url, 'create table t as select 7 as seven');
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  await first.stop();
  const second = await startEmbeddedPostgres({ dir });
  expect(await query(second.url, 'select seven from t')).toEqual([{ seven: 7 }]);
  await second.stop();
});

test('ends with a supervisor that is killed, or is ended by the next one', async () => {
  const killed = await supervisor();
  await query(killed.url, 'create table t as select 7 as seven');
  killed.child.kill('SIGKILL');
  if (process.platform === 'linux') {
    expect(await until(() => processBirth(killed.pid) === null, 10_000)).toBe(true);
  }
  const next = await startEmbeddedPostgres({ dir });
  expect(processBirth(killed.pid)).toBeNull();
  expect(await query(next.url, 'select seven from t')).toEqual([{ seven: 7 }]);
  await next.stop();
});

test('supervisor and Postgres stopped together by kill -9, at once with the restart', async () => {
  const killed = await supervisor();
  await query(killed.url, 'create table t as select 7 as seven');
  // A stopped process cannot act on the signal of its parent's death: it is still there, and holds the folder.
  process.kill(killed.pid, 'SIGSTOP');
  killed.child.kill('SIGKILL');
  expect(await until(() => killed.child.signalCode !== null, 5000)).toBe(true);
  setTimeout(() => process.kill(killed.pid, 'SIGCONT'), 500);
  const said: string[] = [];
  const next = await startEmbeddedPostgres({ dir, log: (line) => said.push(line) });
  expect(said).toContain(`ending the Postgres that an earlier run left behind (process ${killed.pid})`);
  expect(await query(next.url, 'select seven from t')).toEqual([{ seven: 7 }]);
  await next.stop();
});

test('a postmaster.pid whose number belongs to another process does not keep it from starting', async () => {
  const first = await startEmbeddedPostgres({ dir });
  const pidFile = join(dir, 'data/postmaster.pid');
  const lines = (await readFile(pidFile, 'utf8')).split('\n');
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  await first.stop();
  // The spawned process runs as whoever owns the data directory, as after a restart of a container.
  const { uid, gid } = await stat(join(dir, 'data'));
  const other = spawn('sleep', ['60'], { uid, gid });
  children.push(other);
  const { writeFile } = await import('node:fs/promises');
  await writeFile(pidFile, [String(other.pid), ...lines.slice(1)].join('\n'));
  const second = await startEmbeddedPostgres({ dir });
  expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await second.stop();
});
