/** What the person who installs sees: a line a step, with how far it is while it runs where the output is a terminal. */
export interface Steps {
  readonly terminal: boolean;
  begin(text: string): void;
  /** 0..1 of the step that was begun last. */
  share(done: number): void;
  say(text: string): void;
}

export function steps(total: number, out: NodeJS.WriteStream = process.stdout): Steps {
  const terminal = out.isTTY === true;
  let number = 0;
  let line = '';
  let shown = -1;
  return {
    terminal,
    begin(text) {
      number++;
      shown = -1;
      line = `[${number}/${total}] ${text}`;
      out.write(`${line}\n`);
    },
    share(done) {
      const percent = Math.floor(done * 100);
      if (!terminal || percent === shown) return;
      shown = percent;
      out.write(percent >= 100 ? `\r\x1b[K` : `\r      ${percent} %`);
    },
    say: (text) => {
      out.write(`${text}\n`);
    },
  };
}
