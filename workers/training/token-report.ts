import { lengthCounter } from '../data/text/lengths.js';
import { type TextPlace, tokenWindows } from '../data/text/tokens.js';
import type { TextRunInput, TokenReport } from './messages.js';

export async function tokenReport(
  { text, tokenizer }: TextRunInput,
  packPath: string,
  places: readonly TextPlace[],
): Promise<TokenReport> {
  const counter = lengthCounter();
  const limit = text.maxLength;
  let [truncated, unknown, tokens] = [0, 0, 0];
  for await (const rows of tokenWindows({ tokenizerPath: tokenizer.path, packPath, most: limit }, places)) {
    for (const length of rows.lengths) counter.add(length);
    truncated += rows.cut;
    unknown += rows.unknown;
    tokens += rows.ids.length;
  }
  return {
    texts: places.length,
    limit,
    truncated,
    unknownShare: tokens === 0 ? 0 : unknown / tokens,
    lengths: counter.result(),
  };
}

/** The report in a sentence, and whether it is one to warn of. */
export function tokenWords(r: TokenReport): { readonly level: 'info' | 'warning'; readonly message: string } {
  const share = (x: number): string => `${(100 * x).toFixed(1)} %`;
  const long = r.truncated === 0 ? 'none is cut off' : `${r.truncated} (${share(r.truncated / r.texts)}) are cut off`;
  return {
    level: r.truncated / r.texts > 0.05 || r.unknownShare > 0.05 ? 'warning' : 'info',
    message: `${r.texts} texts of ${r.lengths.median} tokens in the middle, ${r.lengths.p95} at the 95th percentile, ${r.lengths.most} at most; the base reads ${r.limit}, so ${long}; ${share(r.unknownShare)} of the tokens are unknown to the tokenizer`,
  };
}
