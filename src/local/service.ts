import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, childEnvironment } from '../config.js';
import { banner } from './banner.js';
import { type Child, startChild } from './child.js';
import { openDatabase } from './database.js';
import { holdHome, socketPath } from './lock.js';
import { type LogFile, openLogFile } from './log-files.js';
import { addressOf, claimPort, isReady } from './port.js';
import { ROLES, type Role } from './processes.js';
import { whenAskedToEnd } from './signals.js';
import type { Terminal } from './terminal.js';

/** The order of ending: no new requests, then give the jobs back, then the rest; Postgres last. */
const ENDING_ORDER = ['api', 'worker', 'predict'] as const satisfies readonly Role[];
/** After this the person is told that something is slow. */
const LATE_MS = 30_000;

/**
 * Runs the service until it is asked to end or cannot go on.
 * @returns the exit code.
 * @throws Error with words for the person who started it.
 */
export async function runService(
  config: Config,
  place: { root: string; terminal: Terminal; underNpm: boolean },
): Promise<number> {
  const { root, terminal } = place;
  const startedAt = performance.now();
  const logs = new Map<string, LogFile>();
  const log = (name: string) => {
    const open = logs.get(name) ?? openLogFile(join(config.home, 'logs'), name);
    logs.set(name, open);
    return open;
  };
  makeHome(config.home);
  const release = await holdHome(config.home);
  if (release === null) {
    throw new Error(
      `Graft is running on ${config.home} already. Stop it first, or start a second one beside it: GRAFT_HOME=<another folder> PORT=<another port> npm start`,
    );
  }
  const ending = whenAskedToEnd(terminal, place.underNpm);
  const port = await claimPort(config);
  const children: Child[] = [];
  let database: Awaited<ReturnType<typeof openDatabase>> | null = null;
  ending.onForced(() => {
    for (const child of children) child.kill();
    database?.kill();
  });
  let code = 0;
  try {
    database = await openDatabase(config, { log: (line) => log('postgres').write(line), terminal });
    // At once: the banner comes only when all is up, and this key is never shown again.
    if (database.firstKey !== null) terminal.say(`API key of all scopes, shown only now: ${database.firstKey}`);
    const env = childEnvironment({
      ...database.environment,
      HOST: config.host,
      PORT: `${port}`,
      GRAFT_HOME: config.home,
      PREDICT_URL: predictUrl(config),
      // Known from DATABASE_URL by now; only the supervisor makes keys.
      GRAFT_ADMIN_KEY: undefined,
    });
    const hopeless = new Promise<string>((resolve) => {
      const onHopeless = (role: Role, why: string) => {
        const words = log(role).tail().slice(-8).join('\n  ');
        resolve(`The ${role} process ${why} again and again. Its last words (${log(role).path}):\n  ${words}`);
      };
      if (ending.asked) return;
      for (const role of ROLES) children.push(startChild(role, { root, env, log: log(role), terminal, onHopeless }));
    });
    const address = addressOf(config.host, port);
    const onLate = () =>
      terminal.say(
        `Not ready after ${LATE_MS / 1000} s, still trying; ${address}/readyz and ${config.home}/logs say why.`,
      );
    const up = await Promise.race([ready(address, ending, onLate), hopeless, ending.wait]);
    if (typeof up === 'string') {
      terminal.say(up);
      code = 1;
    } else if (!ending.asked) {
      const seconds = (performance.now() - startedAt) / 1000;
      terminal.say(
        banner({
          address,
          home: config.home,
          open: config.openLoopback,
          seconds,
          colour: terminal.colour,
        }),
      );
      const fatal = await Promise.race([ending.wait, database.lost]);
      if (typeof fatal === 'string') {
        terminal.say(fatal);
        code = 1;
      }
    }
    return code;
  } finally {
    // A terminal shows ^C at the line's beginning.
    if (terminal.colour) terminal.say('');
    if (children.length > 0)
      terminal.say('Stopping: no new requests, then the jobs are given back, then the database.');
    for (const role of ENDING_ORDER) await children.find((child) => child.role === role)?.stop();
    await database?.stop();
    for (const file of logs.values()) file.close();
    release();
    if (children.length > 0) terminal.say('Stopped. Everything is kept; `npm start` goes on where it was.');
  }
}

/** The default socket lies in the home, whose path may be too long for one. */
function predictUrl(config: Config): string {
  return config.predictUrl === `unix:${config.home}/run/predict.sock`
    ? `unix:${socketPath(config.home, 'predict.sock')}`
    : config.predictUrl;
}

function makeHome(home: string): void {
  try {
    mkdirSync(home, { recursive: true });
  } catch (error) {
    throw new Error(
      `GRAFT_HOME=${home} cannot be made: ${(error as Error).message}. Choose a folder you may write to.`,
    );
  }
}

/** Resolves when ready, or when asked to end. */
async function ready(address: string, ending: { readonly asked: boolean }, onLate: () => void): Promise<void> {
  const lateAt = performance.now() + LATE_MS;
  let late = false;
  while (!ending.asked && !(await isReady(address))) {
    if (!late && performance.now() > lateAt) onLate();
    late ||= performance.now() > lateAt;
    await sleep(100);
  }
}
