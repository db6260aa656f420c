// `npm run walkthrough`: starts the service in an empty home, runs the commands of README.md for real, and writes what
// they printed between the markers there. Needs port 8080 and the photos and the model in ../shared/data (or
// `npm run walkthrough -- PHOTOS MODEL.onnx`).
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [
  photos = '../shared/data/datasets/hymenoptera',
  model = '../shared/data/models/mobilenetv2-1.0-imagenet-backbone.onnx',
] = process.argv.slice(2);
for (const path of [photos, model]) if (!existsSync(join(root, path))) throw new Error(`${path} is missing.`);
/** Sentences and 0 or 1, a tab between. */
const REVIEWS = '../shared/data/datasets/sst2/data/SST2/dev.tsv';
const label = existsSync(join(root, photos, 'val')) ? join(photos, 'val') : photos;
const folder = join(label, readdirSync(join(root, label)).sort().at(-1));
const photo = relative('.', join(folder, readdirSync(join(root, folder)).sort()[0]));

const home = mkdtempSync(join(tmpdir(), 'graft-walkthrough-'));
const service = spawn('npm', ['start', '--silent'], {
  cwd: root,
  env: { ...process.env, GRAFT_HOME: join(home, 'graft') },
});
let banner = '';
service.stdout.on('data', (text) => (banner += text));
const gone = new Promise((done) => service.once('exit', done));

const shell = (command) =>
  execFileSync('bash', ['-c', `${command} 2>/dev/null`], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...variables },
  });
const variables = { MODEL: '', DATASET: '', JOB: '' };
/** Without the folders of the machine that it was recorded on; paths below the clone as they are from there. */
const plain = (text) => text.replaceAll(`${root}/`, '').replaceAll(home, '~');
/** One command and what it printed, as a terminal shows it. */
const shown = (command, output) => `$ ${command}\n${output.trimEnd()}\n`;
const field = (text, name) => new RegExp(`"${name}":"([^"]+)"`).exec(text)?.[1] ?? '';
const url = 'http://127.0.0.1:8080';
async function until(command, done) {
  for (let i = 0; i < 600; i++) {
    const output = shell(command);
    if (done(output)) return output;
    await sleep(200);
  }
  throw new Error(`${command} did not come to its end`);
}

try {
  for (let i = 0; !banner.includes('Stop '); i++) {
    if (i > 300) throw new Error(`The service did not start: ${banner}`);
    await sleep(100);
  }
  const blocks = { start: shown('npm start', plain(banner)) };
  blocks.demo = shown('npm run demo', plain(shell('npm run --silent demo')));
  const cli = [];
  for (const command of [
    `npx graft train ${photos}`,
    `npx graft bases add ${model} --name mobilenetv2`,
    `npx graft train ${photos} --base mobilenetv2`,
  ]) {
    const output = shell(command);
    variables.MODEL = /mdl_\w+/.exec(output)?.[0] ?? variables.MODEL;
    cli.push(shown(command, output));
  }
  const predict = `npx graft predict ${variables.MODEL} ${photo}`;
  cli.push(shown(predict, shell(predict)));
  blocks.cli = cli.join('\n');

  const reviews = join(root, REVIEWS);
  if (existsSync(reviews)) {
    const rows = readFileSync(reviews, 'utf8').trimEnd().split('\n');
    const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
    const table = rows.map((row) => {
      const [text, label] = row.split('\t');
      return `${quoted(text)},${label === '1' ? 'good' : 'bad'}`;
    });
    writeFileSync(join(home, 'reviews.csv'), `text,label\n${table.join('\n')}\n`);
    const train = shell(`npx graft train ${home}/reviews.csv`);
    const texts = `npx graft predict ${/mdl_\w+/.exec(train)?.[0]} "a wonderful, moving film" "a tedious mess"`;
    blocks.text = [shown('npx graft train reviews.csv', plain(train)), shown(texts, shell(texts))].join('\n');
  }

  const curl = [];
  const run = (command) => {
    const output = shell(command);
    curl.push(shown(command, output));
    return output;
  };
  execFileSync('bash', ['-c', `cd ${photos} && python3 -m zipfile -c ${home}/photos.zip */ 2>/dev/null`], {
    cwd: root,
  });
  const base = field(run(`curl -s ${url}/v1/bases -F name=mobilenetv2-again -F file=@${model}`), 'id');
  await until(`curl -s ${url}/v1/bases/${base}`, (text) => field(text, 'state') === 'ready');
  const zip = shell(
    `curl -s ${url}/v1/datasets -F name=photos -F task=image-classification -F file=@${home}/photos.zip`,
  );
  curl.push(shown(`curl -s ${url}/v1/datasets -F name=photos -F task=image-classification -F file=@photos.zip`, zip));
  variables.DATASET = field(zip, 'id');
  await until(`curl -s ${url}/v1/datasets/${variables.DATASET}`, (text) => field(text, 'state') === 'ready');
  const body = JSON.stringify({ task: 'image-classification', dataset: variables.DATASET, base: 'mobilenetv2-again' });
  variables.JOB = field(run(`curl -s ${url}/v1/jobs -H 'content-type: application/json' -d '${body}'`), 'id');
  const job = `curl -s ${url}/v1/jobs/${variables.JOB}`;
  const ended = await until(job, (text) => ['succeeded', 'failed'].includes(field(text, 'state')));
  curl.push(shown(job, ended));
  run(
    `curl -s ${url}/v1/models/${field(ended, 'model')}/predict -H 'content-type: image/jpeg' --data-binary @${photo}`,
  );
  blocks.curl = curl.join('\n');

  const file = join(root, 'README.md');
  let readme = readFileSync(file, 'utf8');
  for (const [name, text] of Object.entries(blocks)) {
    const marked = new RegExp(`(<!-- walkthrough:${name} -->\n)[\\s\\S]*?(<!-- /walkthrough:${name} -->)`);
    if (!marked.test(readme)) throw new Error(`README.md has no marker walkthrough:${name}`);
    readme = readme.replace(marked, (_, open, close) => `${open}\`\`\`console\n${text.trimEnd()}\n\`\`\`\n${close}`);
  }
  writeFileSync(file, readme);
} finally {
  service.kill('SIGINT');
  await gone;
  rmSync(home, { recursive: true, force: true });
}
