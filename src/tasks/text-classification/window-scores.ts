/** Below what float32 can hold: the logarithm of a probability of 0 is that of this. */
const LEAST = 1e-45;

/**
 * Probabilities of a text from those of its windows: the windows' logits averaged, weighted by their tokens, then softmax. For a
 * linear head that is what it says of the windows' averaged features. Logarithms of probabilities serve as logits, as they
 * differ from them by one number per window, which softmax takes off.
 */
export function pooledWindows(windows: readonly Float32Array[], tokens: readonly number[]): Float32Array {
  const [first] = windows;
  if (first === undefined) throw new Error('a text has one window at least');
  if (windows.length === 1) return first;
  const total = tokens.reduce((sum, n) => sum + n, 0);
  const logits = Float64Array.from(first, (_, c) =>
    windows.reduce((sum, window, w) => sum + (tokens[w]! / total) * Math.log(Math.max(window[c]!, LEAST)), 0),
  );
  const most = Math.max(...logits);
  const powers = logits.map((x) => Math.exp(x - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return Float32Array.from(powers, (x) => x / sum);
}
