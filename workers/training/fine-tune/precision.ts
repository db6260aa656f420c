import { readFileSync } from 'node:fs';
import type { Engine, Hyperparameters, Precision } from '../../../src/domain/types.js';
import { GraftError } from '../../../src/errors.js';

/** Throws `job-impossible` where the engine does not compute in the precision that the job asks for. */
export function refusePrecision({ precision }: Hyperparameters, { executor }: Engine): void {
  if (precision !== 'mixed' || executor === 'tensorflow') return;
  const detail = `The engine ${executor} trains in float32 only; mixed precision is of the engine tensorflow.`;
  throw new GraftError('job-impossible', `${detail} Leave \`precision\` out, or use that engine.`, {
    errors: [{ path: '/hyperparameters/precision', code: 'value-impossible', detail }],
  });
}

/** What a job's log says of it, behind a semicolon; nothing of float32. */
export function precisionWords(precision: Precision, { device }: Engine): string {
  if (precision === 'float32') return '';
  const slow = device === 'cpu' && !hasBfloat16();
  const words = '; convolutions and products are computed in bfloat16';
  return slow ? `${words}, for which this processor has no instructions: float32 would be faster here` : words;
}

/** Whether the processor says that it multiplies bfloat16 numbers. */
function hasBfloat16(): boolean {
  try {
    return /\b(avx512_bf16|amx_bf16|bf16)\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
}
