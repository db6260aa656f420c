// `npm run demo`: starts Graft where it does not run yet, and shows its main job on example pictures.
// `npm run demo -- FOLDER`: on your own, a folder of pictures per label.
// `npm run demo -- --text`: on example texts; `npm run demo -- --text FILE.csv`: on your own, with columns of texts and labels.
import '../require-node.mjs';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from '../build.mjs';
import { ensureRunning } from './running.mjs';
import { showPictures } from './show-pictures.mjs';
import { showTexts } from './show-texts.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const text = process.argv[2] === '--text';
const [given, ...more] = process.argv.slice(text ? 3 : 2);
if (more.length > 0 || given?.startsWith('-')) {
  console.error('Usage: npm run demo, npm run demo -- FOLDER (a folder of pictures per label),');
  console.error('       npm run demo -- --text, or npm run demo -- --text FILE.csv (texts with their labels)');
  process.exit(2);
}
const there = given !== undefined && existsSync(given) ? statSync(given) : null;
if (given !== undefined && !(text ? there?.isFile() : there?.isDirectory())) {
  console.error(
    text
      ? `There is no file '${given}'. Give a CSV, TSV or JSONL with a column of texts and one of labels.`
      : `There is no folder '${given}'. Give one with a folder of pictures per label.`,
  );
  process.exit(2);
}

await build();
const { readConfig } = await import('../../dist/src/config.js');
const { addressOf } = await import('../../dist/src/local/port.js');
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
const show = text ? showTexts : showPictures;
const served = await show({ url, apiKey: process.env.GRAFT_API_KEY, root, work: folder, given }).catch((error) => {
  console.error(`error: ${error.message}`);
  return null;
});
console.log(`  Stop      ${stop} (Graft goes on running until then; logs in ${config.home}/logs)`);
process.exit(served === null ? 1 : 0);
