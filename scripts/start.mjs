// `npm start`: builds what changed and runs the service in this process.
import './require-node.mjs';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// An image has dist/ without the sources' tools; a checkout has them.
if (existsSync(join(root, 'node_modules/esbuild')) && existsSync(join(root, 'src'))) {
  const { build } = await import('./build.mjs');
  await build();
}
await import('../dist/src/local/main.js');
