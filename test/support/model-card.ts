import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
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
  const python = join(venv, 'bin/python');
  const stamp = join(venv, '.installed');
  const wanted = packages.join(' ');
  if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === wanted) return python;
  execFileSync('python3', ['-m', 'venv', venv]);
  execFileSync(python, ['-m', 'pip', '-q', 'install', ...packages]);
  await writeFile(stamp, wanted);
  return python;
}
