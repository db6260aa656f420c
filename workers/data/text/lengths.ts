/** Percentiles of lengths from counts in steps of a hundredth of their size, in constant memory. */
export function lengthCounter() {
  const counts = new Float64Array(2048);
  const bucket = (n: number): number => Math.min(2047, Math.round(100 * Math.log(Math.max(1, n))));
  let total = 0;
  let most = 0;
  return {
    add(length: number): void {
      counts[bucket(length)]!++;
      total++;
      most = Math.max(most, length);
    },
    result() {
      const at = (share: number): number => {
        let left = share * total;
        for (let i = 0; i < counts.length; i++) {
          left -= counts[i]!;
          if (left <= 0) return Math.min(most, Math.round(Math.exp(i / 100)));
        }
        return most;
      };
      return { median: total === 0 ? 0 : at(0.5), p95: total === 0 ? 0 : at(0.95), most };
    },
  };
}
