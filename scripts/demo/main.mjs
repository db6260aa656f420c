// `npm run demo`: starts Graft where it does not run yet, and shows its main job on example pictures.
// `npm run demo -- FOLDER`: on your own, a folder of pictures per label.
import '../require-node.mjs';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from '../build.mjs';
import { examplePictures, SOURCES } from './example-pictures.mjs';
import { rawPixels } from './raw-pixels.mjs';
import { ensureRunning } from './running.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const [given, ...more] = process.argv.slice(2);
if (more.length > 0 || given?.startsWith('-')) {
  console.error('Usage: npm run demo, or npm run demo -- FOLDER (a folder of pictures per label)');
  process.exit(2);
}
if (given !== undefined && !(existsSync(given) && statSync(given).isDirectory())) {
  console.error(`There is no folder '${given}'. Give one with a folder of pictures per label.`);
  process.exit(2);
}

await build();
const { readConfig } = await import('../../dist/src/config.js');
const { addressOf } = await import('../../dist/src/local/port.js');
const { runDemo } = await import('../../dist/clients/cli/demo.js');
const config = readConfig();
const url = process.env.GRAFT_URL ?? addressOf(config.host, config.port);
const service = await ensureRunning({ root, url, home: config.home });
if (service === null) process.exit(1);
const stop =
  service.pid === null
    ? 'Ctrl-C where it was started, or kill and the number that its demo gave'
    : `kill ${service.pid}`;
process.once('SIGINT', () => {
  console.error(
    `\nThe demo ends here; Graft goes on running at ${url}, and so does a job that has begun. To stop it: ${stop}`,
  );
  process.exit(130);
});

const folder = join(config.home, 'demo');
mkdirSync(folder, { recursive: true });
if (given === undefined) {
  console.log(
    'Drawing the example: is it an animal, food or a vehicle? It learns from emoji of two styles, and is tried on',
  );
  console.log('a third style and on things that it saw in no style.');
  for (const { credit, folder } of SOURCES)
    console.log(`  ${folder === 'val' ? 'tried on   ' : 'learns from'}  ${credit}`);
}
const pictures = given === undefined ? await examplePictures(join(folder, 'pictures')) : resolve(given);
const served = await runDemo({
  url,
  apiKey: process.env.GRAFT_API_KEY,
  folder: pictures,
  rawPixels: { name: 'raw-pixels', path: await rawPixels(join(folder, 'raw-pixels.onnx')) },
}).catch((error) => {
  console.error(`error: ${error.message}`);
  return null;
});
if (served !== null) {
  const { model, picture } = served;
  const { path, mediaType } = picture ?? { path: 'picture.png', mediaType: 'image/png' };
  console.log(`
The model is served:
  Predict   curl ${url}/v1/models/${model}/predict -H 'content-type: ${mediaType}' --data-binary '@${path}'
  Take it   npx graft models download ${model}
  Docs      ${url}/docs
  Yours     npm run demo -- FOLDER, or npx graft train FOLDER`);
}
console.log(`  Stop      ${stop} (Graft goes on running until then; logs in ${config.home}/logs)`);
process.exit(served === null ? 1 : 0);
