export function importsOf(source: string): [specifier: string, line: number][];
export function violations(file: string, source: string, root: string): string[];
export function check(root: string): string[];
