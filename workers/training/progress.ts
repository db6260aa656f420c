import type { Method, Progress } from '../../src/domain/types.js';

/** Where each phase begins and ends in the whole job, by how long they take. */
const TUNING = { features: [0, 0.1], head: [0.1, 0.13], frozen: [0.13, 0.2], training: [0.2, 0.96] } as const;
const END = { evaluation: [0.96, 0.97], publishing: [0.97, 1] } as const;
export const SPANS: Readonly<Record<Method['type'], Spans>> = {
  featureExtraction: { features: [0, 0.9], head: [0.9, 0.96], ...END },
  fineTuning: { ...TUNING, ...END },
  scratch: { ...TUNING, training: [0, 0.96], ...END },
};
export type Phase = 'features' | 'head' | 'frozen' | 'training' | 'evaluation' | 'publishing';
type Spans = Readonly<Partial<Record<Phase, readonly [number, number]>>>;
export type Tell = (phase: Phase, done: number, total: number) => void;

const LEAST_MS = 250;

/** Turns what is done in a phase into the job's progress; at most four a second, the fraction never falls. */
export function progressOf(
  tell: (progress: Progress) => void,
  spans: Spans,
  now: () => number = () => performance.now(),
): Tell {
  const startedAt = now();
  let lastAt = Number.NEGATIVE_INFINITY;
  let lastPhase = '';
  let most = 0;
  let before = 0;
  return (phase, done, total) => {
    const at = now();
    if (phase !== lastPhase) before = 0;
    // The last of a long phase is worth telling; of a phase that was over at once it is not.
    const ends = done === total && before > 0 && at - lastAt > LEAST_MS / 4;
    if (phase === lastPhase && at - lastAt < LEAST_MS && !ends) return;
    lastAt = at;
    lastPhase = phase;
    before = done;
    const [from, to] = spans[phase] ?? [most, most];
    most = Math.max(most, from + (to - from) * (total === 0 ? 1 : done / total));
    const elapsed = (at - startedAt) / 1000;
    const etaSeconds = most > 0.02 && elapsed > 0.5 ? Math.ceil((elapsed / most) * (1 - most)) : null;
    tell({ phase, done, total, fraction: Math.round(most * 1000) / 1000, etaSeconds });
  };
}
