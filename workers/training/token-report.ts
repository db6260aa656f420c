import { lengthCounter } from '../data/text/lengths.js';
import type { TokenReport } from './messages.js';

/** Percentiles of the texts' tokens, `around` of which are special ones. */
export function tokenLengths(lengths: Int32Array, around: number): TokenReport['lengths'] {
  const counter = lengthCounter();
  for (const length of lengths) counter.add(length + around);
  return counter.result();
}

/** The report in a sentence, and whether it is one to warn of. */
export function tokenWords(r: TokenReport): { readonly level: 'info' | 'warning'; readonly message: string } {
  const share = (x: number): string => `${(100 * x).toFixed(1)} %`;
  const counted = (n: number): string => `${n} (${share(n / r.texts)})`;
  const split = `${counted(r.long)} are split into windows, ${r.windows} in all`;
  const cut = r.truncated === 0 ? 'none is cut off' : `${counted(r.truncated)} are cut off`;
  const long = r.windows > r.texts ? `${split}; ${cut}` : cut;
  return {
    level: r.truncated / r.texts > 0.05 || r.unknownShare > 0.05 ? 'warning' : 'info',
    message: `${r.texts} texts of ${r.lengths.median} tokens in the middle, ${r.lengths.p95} at the 95th percentile, ${r.lengths.most} at most; the base reads ${r.limit}, so ${long}; ${share(r.unknownShare)} of the tokens are unknown to the tokenizer`,
  };
}
