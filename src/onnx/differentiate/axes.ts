/** Axes as attributes give them, counted from the end where negative, as indices. */
export const wrap = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
/** 0, 1, … up to `rank` of them. */
export const range = (rank: number): readonly number[] => Array.from({ length: rank }, (_, i) => i);
