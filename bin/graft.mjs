#!/usr/bin/env node
// The command line client. In a checkout it is built first when its sources are newer.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
if (existsSync(join(root, 'clients/cli/main.ts')) && existsSync(join(root, 'node_modules/esbuild'))) {
  const { build } = await import(pathToFileURL(join(root, 'scripts/build.mjs')).href);
  await build();
}
const { main } = await import(pathToFileURL(join(root, 'dist/clients/cli/main.js')).href);
process.exitCode = await main(process.argv.slice(2), process.env);
