import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { command, InstallError, lastLines } from './command.js';
import { type NpmPin, WHEEL_PLATFORM, WHEEL_TAGS, type WheelPin } from './pins.js';

/**
 * A package as its registry has it, by npm's own client (its settings, proxy and cache): no script of it runs and none of
 * what it depends on is fetched. Answers the file's path; throws `InstallError` where it is not the pinned content.
 */
export async function fetchPackage(pin: NpmPin, folder: string): Promise<string> {
  const wanted = `${pin.name}@${pin.version}`;
  const ran = await command('npm', [
    'pack',
    wanted,
    '--ignore-scripts',
    '--pack-destination',
    folder,
    '--loglevel=error',
  ]);
  if (ran?.code !== 0)
    throw new InstallError(
      `npm could not fetch ${wanted}:\n${lastLines(ran?.output ?? '')}\nIs this machine offline, or its registry another one? \`npm ping\` tells.`,
    );
  const stem = pin.name.replace('@', '').replace('/', '-');
  const path = join(folder, `${stem}-${pin.version}.tgz`);
  const digest = `sha512-${createHash('sha512')
    .update(await readFile(path))
    .digest('base64')}`;
  if (digest !== pin.integrity)
    throw new InstallError(`${wanted} is not the package it should be: ${digest} instead of ${pin.integrity}.`);
  return path;
}

/** Files of a package whose path (below its own folder) `wanted` takes; their contents by path. */
export async function packageFiles(
  path: string,
  wanted: (path: string) => boolean,
): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const entries = createReadStream(path).pipe(createGunzip()).pipe(extract());
  for await (const entry of entries) {
    const name = entry.header.name.replace(/^[^/]*\//, '');
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    if (entry.header.type === 'file' && wanted(name)) found.set(name, Buffer.concat(chunks));
  }
  return found;
}

/**
 * Wheels by pip, which checks the digests. Nothing is installed and nothing else fetched. Answers the files' paths in the
 * order of the pins.
 */
export async function fetchWheels(
  python: string,
  pins: readonly WheelPin[],
  folder: string,
  show: boolean,
): Promise<readonly string[]> {
  const list = join(folder, 'wheels.txt');
  await writeFile(list, pins.map((p) => `${p.name}==${p.version} --hash=sha256:${p.sha256}\n`).join(''));
  const args = ['-m', 'pip', 'download', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'];
  const ran = await command(
    python,
    [
      ...args,
      ...WHEEL_PLATFORM,
      ...WHEEL_TAGS.map((tag) => `--platform=${tag}`),
      `--require-hashes`,
      `--dest=${folder}`,
      `--requirement=${list}`,
      ...(show ? [] : ['--quiet']),
    ],
    { show },
  );
  if (ran?.code !== 0) throw new InstallError(pipWords(ran?.output ?? ''));
  const files = await readdir(folder);
  return pins.map((p) => {
    const stem = `${p.name.replaceAll('-', '_')}-${p.version}-`;
    const file = files.find((name) => name.startsWith(stem) && name.endsWith('.whl'));
    if (file === undefined) throw new InstallError(`pip left no wheel of ${p.name} ${p.version} in ${folder}.`);
    return join(folder, file);
  });
}

function pipWords(output: string): string {
  const said = lastLines(output);
  if (/DO NOT MATCH THE HASHES/i.test(output))
    return `pip fetched another content than the pinned one; a mirror may have changed it:\n${said}`;
  if (/No space left/i.test(output)) return `The disk is full:\n${said}`;
  if (/No matching distribution|from versions: none/i.test(output))
    return `pip finds no such wheel: this machine is offline, its package index another one, or its pip is older than 20.3 (\`python3 -m pip --version\`).\n${said}`;
  return `pip could not fetch TensorFlow:\n${said}`;
}
