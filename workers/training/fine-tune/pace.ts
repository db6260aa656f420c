/** Milliseconds of this attempt's steps, validation and checkpoints apart. */
export interface Pace {
  readonly steps: number;
  /** Median of a step's own time. */
  readonly stepMs: number;
  /** Mean time that a step waited for its batch; the first ones, which nothing could prepare ahead, are not counted. */
  readonly waitMs: number;
}

const UNPREPARED = 2;

/** A clock for the loop: `waits` when it asks for a batch, `begins` when it has one, `ends` when its step is done. */
export function pace(now: () => number = () => performance.now()) {
  const steps: number[] = [];
  const waited: number[] = [];
  let asked: number | null = null;
  let begun = 0;
  return {
    waits: () => {
      asked = now();
    },
    begins: () => {
      begun = now();
      if (asked !== null) waited.push(begun - asked);
      asked = null;
    },
    ends: () => {
      steps.push(now() - begun);
    },
    pace(): Pace {
      const sorted = [...steps].sort((a, b) => a - b);
      const counted = waited.slice(UNPREPARED);
      return {
        steps: steps.length,
        stepMs: sorted[Math.floor(sorted.length / 2)] ?? 0,
        waitMs: counted.length === 0 ? 0 : counted.reduce((a, b) => a + b, 0) / counted.length,
      };
    },
  };
}
