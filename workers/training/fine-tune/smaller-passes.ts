import type { Hyperparameters } from '../../../src/domain/types.js';
import { GraftError } from '../../../src/errors.js';
import { counted } from '../../../src/words.js';
import { DeviceFull } from '../../executors/device-errors.js';
import type { MethodInput } from '../method.js';

/**
 * Trains; where the device's own memory, of which no estimate knows, does not hold a pass and `microBatch` was left to `auto`,
 * once more from the beginning with passes of half the size. `train` is given the most examples a pass may have, and calls
 * `passes` with what it chose. Throws `out-of-memory` with the engine's words where that does not help or must not be tried.
 */
export async function withSmallerPasses<T>(
  { microBatch = 'auto' }: Hyperparameters,
  tell: MethodInput['tell'],
  train: (most: number, passes: (examples: number) => void) => Promise<T>,
): Promise<T> {
  const tried: number[] = [];
  for (let most = Number.POSITIVE_INFINITY; ; ) {
    try {
      return await train(most, (examples) => void tried.push(examples));
    } catch (error) {
      if (!(error instanceof DeviceFull)) throw error;
      const last = tried.at(-1) ?? 1;
      if (microBatch !== 'auto' || last === 1 || tried.length > 1) throw full(tried, error);
      most = Math.floor(last / 2);
      tell({
        type: 'log',
        level: 'warning',
        message: `the device's memory does not hold a pass of ${counted(last, 'example')}; begins again with passes of at most ${most}`,
        data: { reason: error.message },
      });
    }
  }
}

function full(tried: readonly number[], error: DeviceFull): GraftError {
  const sizes = tried.map((n) => counted(n, 'example')).join(', then ');
  return new GraftError(
    'out-of-memory',
    `The device ran out of memory with passes of ${sizes}: ${error.message} To mend it, set a smaller microBatch, train fewer layers, or use a device with more memory.`,
    {
      errors: [{ path: '/hyperparameters/microBatch', code: 'value-impossible', detail: 'Too large for the device.' }],
    },
  );
}
