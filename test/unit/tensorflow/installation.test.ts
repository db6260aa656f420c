import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { entryOf } from '../../../workers/entry.js';
import { unpackWheel } from '../../../workers/executors/tensorflow/install/unpack.js';
import { findTensorflow, MANIFEST, tensorflowFolder } from '../../../workers/executors/tensorflow/installation.js';
import { probeTensorflow } from '../../../workers/executors/tensorflow/probe.js';
import { TENSORFLOW } from '../../support/tensorflow.js';
import { writeZip } from '../../support/zip.js';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'graft-engine-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** The installer as a process, with only the given programs within reach. */
function install(
  args: readonly string[],
  programs: Readonly<Record<string, string>> = {},
): Promise<{ code: number; said: string }> {
  const path = join(home, 'bin');
  return mkdir(path, { recursive: true })
    .then(() =>
      Promise.all(
        Object.entries(programs).map(async ([name, script]) => {
          await writeFile(join(path, name), `#!/bin/sh\n${script}\n`);
          await chmod(join(path, name), 0o755);
        }),
      ),
    )
    .then(
      () =>
        new Promise((resolve) => {
          execFile(
            process.execPath,
            [entryOf('executors/tensorflow/install/main'), ...args],
            { env: { PATH: path, GRAFT_HOME: home } },
            (error, stdout, stderr) =>
              resolve({ code: error === null ? 0 : Number(error.code), said: stdout + stderr }),
          );
        }),
    );
}
const PYTHON_WITHOUT_PIP = 'case "$*" in *pip*) echo "No module named pip" >&2; exit 1;; esac; echo Python 3.12.0';

describe('what is missing is said in words, all at once', () => {
  test('no compiler, no npm, no Python', async () => {
    const { code, said } = await install([]);
    expect(code).toBe(1);
    for (const word of ['no C++ compiler', 'no npm', 'no Python']) expect(said).toContain(word);
    expect(findTensorflow(home)).toBeNull();
  });
  test('Python without pip', async () => {
    const { code, said } = await install([], { 'g++': 'exit 0', npm: 'exit 0', python3: PYTHON_WITHOUT_PIP });
    expect(code).toBe(1);
    expect(said).toContain('python3 has no pip');
  });
  test('offline: what npm says, and nothing is left behind', async () => {
    const npm = 'case "$1" in pack) echo "npm error code ENOTFOUND" >&2; exit 1;; esac';
    const { code, said } = await install([], { 'g++': 'exit 0', npm, python3: 'exit 0' });
    expect(code).toBe(1);
    expect(said).toContain('ENOTFOUND');
    expect(said).toContain('offline');
    expect(await readdir(tensorflowFolder(home))).toEqual([]);
  });
  test('a file in the way of the folder', async () => {
    await writeFile(join(home, 'engines'), '');
    const { code, said } = await install([], { 'g++': 'exit 0', npm: 'exit 0', python3: 'exit 0' });
    expect(code).toBe(1);
    expect(said).toContain('a file is in the way');
  });
  test('a folder that is no TensorFlow, and options that exclude each other', async () => {
    expect(await install(['--tensorflow', home])).toMatchObject({
      code: 1,
      said: expect.stringContaining('is no TensorFlow'),
    });
    expect(await install(['--tensorflow', join(home, 'none')])).toMatchObject({
      code: 1,
      said: expect.stringContaining('no folder'),
    });
    expect(await install(['--gpu', '--remove'])).toMatchObject({ code: 1, said: expect.stringContaining('go alone') });
    expect(await install(['--gppu'])).toMatchObject({ code: 1, said: expect.stringContaining('--gppu') });
  });
});

describe('an installation', () => {
  const manifest = {
    format: 1,
    flavour: 'cpu',
    tensorflow: '2.18.1',
    tfjs: '4.22.0',
    addon: 'a-1/addon.node',
    stack: 'a',
  };

  test('counts once its manifest is written, and is taken away whole', async () => {
    const folder = tensorflowFolder(home);
    await mkdir(join(folder, 'a-1'), { recursive: true });
    expect(findTensorflow(home)).toBeNull();
    await writeFile(join(folder, MANIFEST), JSON.stringify(manifest).slice(0, 40));
    expect(findTensorflow(home)).toBeNull();
    await writeFile(join(folder, MANIFEST), JSON.stringify(manifest));
    expect(findTensorflow(home)).toMatchObject({ tensorflow: '2.18.1', addonPath: join(folder, 'a-1/addon.node') });
    expect(await install(['--remove'])).toMatchObject({ code: 0, said: expect.stringContaining('Removed') });
    expect(findTensorflow(home)).toBeNull();
    expect(await install(['--remove'])).toMatchObject({ code: 0, said: expect.stringContaining('no TensorFlow') });
  });

  test('whose library does not load is a reason, not a crash', async () => {
    const addonPath = join(home, 'addon.node');
    await writeFile(addonPath, 'not a library');
    const probe = await probeTensorflow({ addonPath, tensorflow: '2.18.1' });
    expect(probe).toMatchObject({
      usable: false,
      reason: expect.stringMatching(/cannot be loaded: Error: .*addon\.node.*npm run engine:tensorflow/),
    });
  });
});

test.runIf(TENSORFLOW !== null)('an addon that was built for another TensorFlow than it finds is refused', async () => {
  const probe = await probeTensorflow({ addonPath: TENSORFLOW!.addonPath, tensorflow: '2.17.0' });
  expect(probe).toMatchObject({
    usable: false,
    reason: expect.stringMatching(/built for TensorFlow 2\.17\.0, and the library is \d.*npm run engine:tensorflow/),
  });
});

test('of a wheel only libraries, headers and licences are unpacked, inside the folder', async () => {
  const wheel = join(home, 'x.whl');
  await writeZip(wheel, {
    'tensorflow/libtensorflow_cc.so.2': 'library',
    'tensorflow/include/tensorflow/c/c_api.h': 'header',
    'tensorflow/include/tensorflow/c/other.h': 'not needed',
    'tensorflow/python/x.py': 'not needed',
    'nvidia/cudnn/lib/libcudnn.so.9': 'cuda',
    'tensorflow-2.dist-info/LICENSE': 'licence',
  });
  const shares: number[] = [];
  await unpackWheel(wheel, join(home, 'site'), (done, total) => shares.push(done / total));
  const all = await readdir(join(home, 'site'), { recursive: true, withFileTypes: true });
  expect(
    all
      .filter((e) => e.isFile())
      .map((e) => e.name)
      .sort(),
  ).toEqual(['LICENSE', 'c_api.h', 'libcudnn.so.9', 'libtensorflow_cc.so.2']);
  expect(await readFile(join(home, 'site/tensorflow/libtensorflow_cc.so.2'), 'utf8')).toBe('library');
  expect(shares.at(-1)).toBe(1);
});
