/** A count with its noun: `1 file`, `2 files`; `many` where the plural takes more than an s. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
