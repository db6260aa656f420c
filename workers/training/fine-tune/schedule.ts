export const SCHEDULES = ['cosine', 'linear', 'constant'] as const;
export type Schedule = (typeof SCHEDULES)[number];

/**
 * The learning rate of step `step` (from 0) of `steps`, as a share of the peak: linear warm-up over the first `warmup`
 * share, then half a cosine (Loshchilov and Hutter 2017, arXiv 1608.03983), a line to zero, or level.
 */
export function rateShare(kind: Schedule, step: number, steps: number, warmup: number): number {
  const rising = Math.floor(steps * warmup);
  if (step < rising) return (step + 1) / (rising + 1);
  if (kind === 'constant') return 1;
  const done = (step - rising) / Math.max(1, steps - rising);
  return kind === 'linear' ? 1 - done : 0.5 * (1 + Math.cos(Math.PI * done));
}
