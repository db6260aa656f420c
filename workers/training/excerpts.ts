import { open } from 'node:fs/promises';
import type { EvaluationExample } from '../../src/domain/types.js';
import { readExample } from '../data/read-example.js';
import type { RunSpec } from './messages.js';

/** Characters of a text that are shown: enough to see what a mistake is about. */
const SHOWN = 300;

/** Evaluated texts with what they begin with; other examples as they are. */
export async function withExcerpts(
  { input, packPath, examples }: Pick<RunSpec, 'input' | 'packPath' | 'examples'>,
  evaluated: readonly EvaluationExample[],
): Promise<readonly EvaluationExample[]> {
  if (input.kind !== 'text') return evaluated;
  const places = new Map(examples.map((e) => [e.index, e]));
  const pack = await open(packPath, 'r');
  try {
    const shown: EvaluationExample[] = [];
    for (const one of evaluated) {
      const { offset, bytes } = places.get(one.index)!;
      // A character takes four bytes at most; one that is cut through at the end is not shown.
      const buffer = await readExample(pack, { offset, bytes: Math.min(bytes, 4 * SHOWN), path: one.path });
      shown.push({ ...one, excerpt: excerptOf(buffer.toString('utf8')) });
    }
    return shown;
  } finally {
    await pack.close();
  }
}

/** Postgres keeps no NUL in a text. */
const excerptOf = (text: string): string => [...text].slice(0, SHOWN).join('').replaceAll('\0', '\ufffd');
