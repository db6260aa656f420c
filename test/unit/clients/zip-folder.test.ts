import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { archiveOf } from '../../../clients/cli/zip-folder.js';
import { listArchive } from '../../../workers/data/archive.js';

const made: string[] = [];
afterEach(async () => {
  for (const folder of made.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A model of a hub library's cache: its files are links to those of a folder beside it. */
async function snapshot(): Promise<string> {
  const cache = await mkdtemp(join(tmpdir(), 'graft-cache-'));
  made.push(cache);
  const folder = join(cache, 'snapshots/1');
  await mkdir(join(folder, 'onnx'), { recursive: true });
  await mkdir(join(cache, 'blobs'));
  await writeFile(join(cache, 'blobs/a'), 'weights');
  await writeFile(join(folder, 'config.json'), '{}');
  await symlink('../../../blobs/a', join(folder, 'onnx/model.onnx'));
  await symlink('../../../blobs/gone', join(folder, 'onnx/broken.onnx'));
  await symlink('../../blobs', join(folder, 'folder'));
  return folder;
}

it('leaves links out, unless those to files are to stand for them', async () => {
  const folder = await snapshot();
  const held = async (links: boolean) => {
    const archive = await archiveOf(folder, { links });
    const { entries } = await listArchive(archive.path);
    await archive.dispose();
    return [archive.skipped, entries.map(({ path, bytes }) => [path, bytes])];
  };
  expect(await held(false)).toEqual([3, [['config.json', 2]]]);
  expect(await held(true)).toEqual([
    2,
    [
      ['config.json', 2],
      ['onnx/model.onnx', 7],
    ],
  ]);
});
