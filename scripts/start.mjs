// `npm start`: builds what changed and runs the service in this process.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Graft needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}
// An image has dist/ without the sources' tools; a checkout has them.
if (existsSync(join(root, 'node_modules/esbuild')) && existsSync(join(root, 'src'))) {
  const { build } = await import('./build.mjs');
  await build();
}
await import('../dist/src/local/main.js');
