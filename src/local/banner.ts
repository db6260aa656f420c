export interface BannerFacts {
  readonly address: string;
  readonly home: string;
  /** Requests from this machine need no key. */
  readonly open: boolean;
  readonly seconds: number;
  readonly colour: boolean;
}

/** What a person needs to know once the service is up. */
export function banner({ address, home, open, seconds, colour }: BannerFacts): string {
  const bold = (text: string) => (colour ? `\x1b[1m${text}\x1b[0m` : text);
  const key = open ? 'none needed from this machine' : 'every request needs one: Authorization: Bearer grft_…';
  return [
    `${bold('Graft is ready')} after ${seconds.toFixed(1)} s`,
    `  Address   ${bold(address)}`,
    `  Docs      ${address}/docs`,
    `  Keys      ${key}`,
    `  Data      ${home} (logs in logs/)`,
    `  Try       ${bold('npx graft train <a folder with a folder of photos per label>')}`,
    '  Stop      Ctrl-C',
  ].join('\n');
}
