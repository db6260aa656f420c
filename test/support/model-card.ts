import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the card's own Python, as it stands, says of a picture: the likeliest label. `folder` is its own. */
export async function cardAnswer(
  folder: string,
  card: string,
  model: Uint8Array,
  picture: Uint8Array,
): Promise<{ label: string; probability: number }> {
  const python = await pythonWith(['onnxruntime', 'pillow', 'numpy']);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.onnx'), model);
  await writeFile(join(folder, 'use.py'), /```python\n([\s\S]*?)```/.exec(card)![1]!);
  await writeFile(join(folder, 'photo.png'), picture);
  const answer = execFileSync(python, ['use.py', 'photo.png'], { cwd: folder, encoding: 'utf8' });
  const [label, probability] = answer.split('\n')[0]!.split('\t');
  return { label: label!, probability: Number(probability) };
}

/** A Python with these packages, made once under bench/out; `GRAFT_TEST_PYTHON` names one that has them. */
async function pythonWith(packages: readonly string[]): Promise<string> {
  if (process.env.GRAFT_TEST_PYTHON) return process.env.GRAFT_TEST_PYTHON;
  const venv = join(import.meta.dirname, '../../bench/out/card-venv');
  const wanted = packages.join(' ');
  const isMade = async () => (await readFile(join(venv, '.installed'), 'utf8').catch(() => '')) === wanted;
  if (!(await isMade())) {
    // Put in its place whole: a suite that runs beside this one may be about to make or to use the same.
    const fresh = `${venv}-${process.pid}`;
    execFileSync('python3', ['-m', 'venv', fresh]);
    const install = ['-m', 'pip', '-q', 'install', '--no-compile', '--disable-pip-version-check', ...packages];
    execFileSync(join(fresh, 'bin/python'), install);
    await writeFile(join(fresh, '.installed'), wanted);
    if (!(await isMade())) await rm(venv, { recursive: true, force: true });
    await rename(fresh, venv).catch(async (error: unknown) => {
      await rm(fresh, { recursive: true });
      if (!(await isMade())) throw error;
    });
  }
  return join(venv, 'bin/python');
}
