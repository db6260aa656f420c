/** What the person who started the service sees. Plain lines when the output is not a terminal. */
export interface Terminal {
  say(text: string): void;
  /** Something went wrong in `part`; the same words are shown once in ten seconds. */
  warn(part: string, text: string, bad: boolean): void;
  readonly colour: boolean;
}

const AGAIN_MS = 10_000;
const WIDTH = 240;

export function createTerminal(out: NodeJS.WriteStream = process.stdout): Terminal {
  const colour = out.isTTY === true;
  const shown = new Map<string, number>();
  // The reader of a pipe may go before the service does.
  out.on('error', () => undefined);
  return {
    colour,
    say: (text) => {
      out.write(`${text}\n`);
    },
    warn: (part, text, bad) => {
      const line = text.length > WIDTH ? `${text.slice(0, WIDTH)}…` : text;
      const key = `${part} ${line}`;
      const now = performance.now();
      if (now - (shown.get(key) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return;
      if (shown.size > 1000) shown.clear();
      shown.set(key, now);
      const name = part.padEnd(8);
      out.write(colour ? `\x1b[${bad ? 31 : 33}m${name}\x1b[0m ${line}\n` : `${name} ${line}\n`);
    },
  };
}
