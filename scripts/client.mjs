// Writes the types of the API client from openapi.yaml; with --check it only says whether they are up to date.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import openapi, { astToString } from 'openapi-typescript';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, 'clients/api/generated/schema.ts');
const ast = await openapi(pathToFileURL(join(root, 'openapi.yaml')));
const text = `// Generated from openapi.yaml by \`npm run client\`.\n${astToString(ast)}`;
if (process.argv.includes('--check')) {
  if (!existsSync(target) || readFileSync(target, 'utf8') !== text) {
    process.stderr.write('clients/api/generated/schema.ts does not match openapi.yaml. Run `npm run client`.\n');
    process.exit(1);
  }
} else {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
}
