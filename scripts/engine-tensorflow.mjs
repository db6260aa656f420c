// `npm run engine:tensorflow`: builds what changed, then installs (or removes) the TensorFlow engine.
import './require-node.mjs';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
if (existsSync(join(root, 'node_modules/esbuild')) && existsSync(join(root, 'src'))) {
  const { build } = await import('./build.mjs');
  await build();
}
await import('../dist/workers/executors/tensorflow/install/main.js');
