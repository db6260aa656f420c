import { parseArgs } from 'node:util';
import type { Client } from '../api/client.js';
import { closest } from './closest.js';
import type { Output } from './output.js';

export class UsageError extends Error {
  /** `of`: the command whose help tells more. */
  constructor(
    message: string,
    readonly of: string | null = null,
  ) {
    super(message);
  }
}

export interface Context {
  readonly client: Client;
  readonly out: Output;
  readonly args: readonly string[];
  readonly values: Readonly<Record<string, string | undefined>> & { readonly flags?: never };
}
export interface Command {
  /** `jobs list`, or `train`. */
  readonly name: string;
  /** Names of the arguments; `…` for one or more, `[x]` for one that may be left out. */
  readonly args: readonly string[];
  readonly options?: Readonly<Record<string, string>>;
  readonly flags?: Readonly<Record<string, string>>;
  readonly about: string;
  /** Answers the exit code. */
  run(context: Context): Promise<number>;
}

const GLOBAL = { url: 'address of the service (GRAFT_URL; http://127.0.0.1:8080)' };
const GLOBAL_FLAGS = { json: 'print JSON (lists: one object a line)', help: 'show this' };

/** @throws UsageError that names the word or option that is wrong. */
export function parse(argv: readonly string[], commands: readonly Command[]) {
  const plain = argv.filter((word) => !word.startsWith('-'));
  const command = commands
    .filter((c) => c.name.split(' ').every((word, i) => plain[i] === word))
    .sort((a, b) => b.name.length - a.name.length)[0];
  const wantsHelp = argv.length === 0 || argv.includes('--help') || argv.includes('-h') || plain[0] === 'help';
  if (wantsHelp)
    return {
      help: true as const,
      words: plain.filter((word) => word !== 'help'),
      command: commands[0]!,
      args: [],
      values: {},
    };
  if (command === undefined) throw unknownCommand(plain, commands);
  const options: Record<string, { type: 'string' | 'boolean' }> = {};
  for (const name of Object.keys({ ...GLOBAL, ...command.options })) options[name] = { type: 'string' };
  for (const name of Object.keys({ ...GLOBAL_FLAGS, ...command.flags })) options[name] = { type: 'boolean' };
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
    const args = positionals.slice(command.name.split(' ').length);
    const least = command.args.filter((arg) => !arg.startsWith('[')).length;
    const most = command.args.some((arg) => arg.endsWith(']…')) ? Number.POSITIVE_INFINITY : command.args.length;
    if (args.length < least)
      throw new UsageError(`\`graft ${command.name}\` needs ${command.args.slice(args.length).join(' ')}.`);
    if (args.length > most) throw new UsageError(`\`graft ${command.name}\` takes no '${args[most]}'.`);
    const texts = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, value === true ? 'true' : (value as string)]),
    );
    return { help: false as const, words: plain, command, args, values: texts as Context['values'] };
  } catch (error) {
    throw error instanceof UsageError
      ? new UsageError(error.message, command.name)
      : badOption(error, command, options);
  }
}

const meant = (word: string, known: readonly string[], prefix = ''): string => {
  const near = closest(word, known);
  return near === null ? '' : ` Did you mean ${prefix}${near}?`;
};

function unknownCommand(plain: readonly string[], commands: readonly Command[]): UsageError {
  const [first = '', second = ''] = plain;
  const below = commands.filter((c) => c.name.startsWith(`${first} `)).map((c) => c.name.slice(first.length + 1));
  if (below.length === 0) {
    const known = [...new Set(commands.map((c) => c.name.split(' ')[0]!))];
    return new UsageError(`There is no command '${first}'.${meant(first, known, 'graft ')}`);
  }
  const what = second === '' ? `\`graft ${first}\` needs a word more` : `There is no command '${first} ${second}'`;
  return new UsageError(`${what}: ${below.join(', ')}.${meant(second, below, `graft ${first} `)}`, first);
}

/** What Node's parser found, in words that say how to mend it. */
function badOption(error: unknown, { name }: Command, options: Readonly<Record<string, unknown>>): UsageError {
  const { code, message } = error as { code?: string; message: string };
  const option = /'(-[^' ]+)/.exec(message)?.[1] ?? '';
  const known = Object.keys(options);
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const near =
      meant(option.replace(/^-+/, ''), known, '--') ||
      ' A word that begins with - but is no option comes last, after --.';
    return new UsageError(`\`graft ${name}\` has no option '${option}'.${near}`, name);
  }
  // One is given an option's name as its value, or nothing, or something where it takes nothing.
  if (code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' && option !== '')
    return new UsageError(
      /does not take an argument/.test(message)
        ? `${option} stands alone, without a value.`
        : `${option} needs a value: ${option}=…`,
      name,
    );
  return new UsageError(message, name);
}

export function help(commands: readonly Command[], words: readonly string[]): string {
  const chosen = commands.filter((command) => words.every((word, i) => command.name.split(' ')[i] === word));
  const shown = chosen.length > 0 ? chosen : commands;
  const usage = (command: Command) => `  graft ${[command.name, ...command.args].join(' ')}`;
  const width = Math.max(...shown.map((command) => usage(command).length)) + 2;
  const lines = [
    'Graft: transfer learning as a service',
    '',
    ...shown.map((command) => usage(command).padEnd(width) + command.about),
    '',
  ];
  const options = Object.assign(
    {},
    ...shown.map((command) => ({ ...command.options, ...command.flags })),
    GLOBAL,
    GLOBAL_FLAGS,
  ) as Record<string, string>;
  lines.push('Options:', ...Object.entries(options).map(([name, about]) => `  --${name.padEnd(16)}${about}`), '');
  lines.push('GRAFT_API_KEY holds the key where the service asks for one. NO_COLOR switches colours off.', '');
  lines.push('Exit codes: 0 done, 1 a job failed or a prediction has an error, 2 wrong usage, 3 no service answers,');
  lines.push('            4 the service refused (4xx), 5 the service failed (5xx), 130 interrupted.');
  return lines.join('\n');
}

export function numberOf(values: Context['values'], name: string): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new UsageError(`--${name} is a number, not '${text}'.`);
  return value;
}
