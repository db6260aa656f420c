// Transpiles src, workers and clients to dist/, file by file, and generates the Prisma client; skips both when nothing
// changed. Started by `npm start`, `npx graft` and the tests, because install scripts are switched off (.npmrc).
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, 'dist');
const folders = ['src', 'workers', 'clients'].filter((folder) => existsSync(join(root, folder)));

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' || entry.name === 'python' ? [] : files(path);
    return [path];
  });
}

function stampOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths.sort()) {
    const stat = statSync(path);
    hash.update(`${relative(root, path)} ${stat.size} ${stat.mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/** Runs `make` unless the stamp of its sources is the one kept beside the product. */
async function unlessFresh(stampFile, sources, make) {
  const stamp = stampOf(sources);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return false;
  await make();
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, stamp);
  return true;
}

export async function build() {
  const generated = join(root, 'src/db/generated');
  await unlessFresh(join(generated, '.stamp'), [join(root, 'prisma/schema.prisma')], () => {
    rmSync(generated, { recursive: true, force: true });
    // The TypeScript generator needs no engine, but Prisma would download one all the same.
    execFileSync(process.execPath, [join(root, 'node_modules/prisma/build/index.js'), 'generate', '--no-hints'], {
      cwd: root,
      env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/false', PRISMA_HIDE_UPDATE_MESSAGE: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  });
  const sources = folders.flatMap((folder) => files(join(root, folder)));
  await unlessFresh(join(out, '.stamp'), sources, async () => {
    const { build: transpile } = await import('esbuild');
    const fresh = join(root, 'node_modules/.cache', `graft-build-${process.pid}`);
    rmSync(fresh, { recursive: true, force: true });
    try {
      await transpile({
        entryPoints: sources.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts')),
        outdir: fresh,
        outbase: root,
        format: 'esm',
        platform: 'node',
        target: 'node20',
        sourcemap: true,
        logLevel: 'warning',
      });
      for (const path of sources.filter((path) => !path.endsWith('.ts') && !path.endsWith('.stamp'))) {
        cpSync(path, join(fresh, relative(root, path)), { recursive: true });
      }
      replace(fresh);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  });
}

/** File by file, and only what changed: processes that run from dist/ load some of their modules late. */
function replace(fresh) {
  const kept = new Set();
  for (const path of files(fresh)) {
    const name = relative(fresh, path);
    const target = join(out, name);
    kept.add(target);
    if (existsSync(target) && readFileSync(target).equals(readFileSync(path))) continue;
    mkdirSync(dirname(target), { recursive: true });
    renameSync(path, target);
  }
  for (const path of existsSync(out) ? files(out) : []) if (!kept.has(path)) rmSync(path, { force: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
