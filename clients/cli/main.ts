import { ApiError, ConnectionError, createClient } from '../api/client.js';
import { COMMANDS } from './commands/index.js';
import { help, parse, UsageError } from './options.js';
import { createOutput } from './output.js';

/** Exit codes that scripts can use; `graft --help` lists them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3, refused: 4, server: 5, interrupted: 130 } as const;

export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  for (const stream of [process.stdout, process.stderr]) stream.once('error', readerGone);
  const out = createOutput({ json: argv.includes('--json'), colour: env.NO_COLOR === undefined });
  try {
    const parsed = parse(argv, COMMANDS);
    if (parsed.help) {
      out.text(help(COMMANDS, parsed.words));
      return EXIT.ok;
    }
    const url = parsed.values.url ?? env.GRAFT_URL ?? 'http://127.0.0.1:8080';
    if (!/^https?:\/\/./.test(url) || !URL.canParse(url))
      throw new UsageError(`'${url}' is no address (--url, GRAFT_URL). One looks like http://127.0.0.1:8080`);
    const apiKey = env.GRAFT_API_KEY;
    const client = createClient({ url, ...(apiKey ? { apiKey } : {}) });
    return await parsed.command.run({ client, out, args: parsed.args, values: parsed.values });
  } catch (error) {
    return failure(error, out);
  } finally {
    out.end();
  }
}

/** `graft … | head`: who reads no more has what they wanted. */
function readerGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok);
}

/** How to mend here what the service says of HTTP. */
function hint({ status, problem }: ApiError): readonly string[] {
  if (status === 401) return ['The key that is sent is what GRAFT_API_KEY holds.'];
  const missing = /^There is no (base|dataset|job|model)/.exec(problem.detail)?.[1];
  return missing === undefined ? [] : [`\`graft ${missing}s list\` shows those that are there.`];
}

function failure(error: unknown, out: ReturnType<typeof createOutput>): number {
  if (error instanceof UsageError) {
    out.error(`${error.message}\nRun \`graft ${error.of === null ? '' : `${error.of} `}--help\` for more.`);
    return EXIT.usage;
  }
  if (error instanceof ConnectionError) {
    out.error(`${error.message}\nIs the service running (\`npm start\`)? GRAFT_URL or --url names another address.`);
    return EXIT.unreachable;
  }
  if (error instanceof ApiError) {
    const { detail } = error.problem;
    out.problem({ ...error.problem, detail: [detail, ...hint(error)].join(' ') });
    return error.status < 500 ? EXIT.refused : EXIT.server;
  }
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') out.error(`There is no file '${path}'.`);
  else if (code === 'EEXIST') out.error(`There is a file '${path}' where a folder is to be. Name another.`);
  else out.error(message);
  return EXIT.failed;
}
