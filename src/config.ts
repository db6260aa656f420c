import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';

/** Everything the environment may say, read once at the start of a process; nothing else reads `process.env`. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** All that is kept on disk. */
  readonly home: string;
  /** Where engines are installed, in `engines`: the home, or a folder of an image. */
  readonly engineHome: string;
  /** null: the embedded Postgres of `npm start`. */
  readonly databaseUrl: string | null;
  /** null: BullMQ's Postgres backend on the same database. */
  readonly queueUrl: string | null;
  /** Where the prediction service listens: `unix:<path>` or `http://host:port`. */
  readonly predictUrl: string;
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** Loopback requests need no key. Only ever true in the embedded default while listening on loopback. */
  readonly openLoopback: boolean;
  readonly maxUploadBytes: number;
  readonly maxPredictBytes: number;
  /** Requests a second that one API key may make; 0: any number. */
  readonly requestsPerSecond: number;
  readonly trainConcurrency: number;
  /** What this worker trains on where a job leaves it open. */
  readonly engine: 'auto' | 'onnxruntime' | 'tensorflow';
  /** One machine with one worker, which has the engines that are installed here and no others. */
  readonly embedded: boolean;
  readonly threads: number;
  /** What a run of training may plan with, at most; 0: all that the system says is free. */
  readonly trainingMemoryBytes: number;
  readonly featureCacheBytes: number;
  readonly servingCacheBytes: number;
  /** A worker silent for this long has lost its jobs. */
  readonly workerSilentMs: number;
  readonly jobMaxAttempts: number;
  readonly hub: HubConfig;
}
/** The model hub that bases are fetched from. */
export interface HubConfig {
  /** Without a slash at its end. */
  readonly url: string;
  /** Sent to the hub itself and to no other host. */
  readonly token: string | null;
  /** The standard proxy variables; null: none is set. */
  readonly proxy: { readonly http?: string; readonly https?: string; readonly not?: string } | null;
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const ENGINE_CHOICES = ['auto', 'onnxruntime', 'tensorflow'] as const;
const HTTP = ['http:', 'https:'];
const MIB = 1024 * 1024;

/** Whether an address can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host) || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Throws with every mistake named at once: variable, value, what it takes. */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const mistakes: string[] = [];
  const text = (name: string) => {
    const value = env[name]?.trim();
    return value === undefined || value === '' ? undefined : value;
  };
  const whole = (name: string, fallback: number, min: number, max: number) => {
    const value = text(name);
    if (value === undefined) return fallback;
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= min && number <= max) return number;
    mistakes.push(`${name}=${value}: a whole number from ${min} to ${max}`);
    return fallback;
  };
  const url = (name: string, schemes: readonly string[]) => {
    const value = text(name);
    if (value === undefined) return null;
    if (URL.canParse(value) && schemes.includes(new URL(value).protocol)) return value;
    mistakes.push(`${name}: an address that starts with ${schemes.map((s) => `${s}//`).join(' or ')}`);
    return null;
  };
  const flag = (name: string, fallback: boolean) => {
    const value = text(name)?.toLowerCase();
    if (value === undefined) return fallback;
    if (['1', 'true', 'yes', 'on'].includes(value)) return true;
    if (['0', 'false', 'no', 'off'].includes(value)) return false;
    mistakes.push(`${name}=${value}: true or false`);
    return fallback;
  };

  const token = text('GRAFT_HUB_TOKEN') ?? null;
  if (token !== null && !/^[\x21-\x7e]+$/.test(token))
    mistakes.push('GRAFT_HUB_TOKEN: letters, digits and signs without a space');
  const host = text('HOST') ?? '127.0.0.1';
  const home = resolve(text('GRAFT_HOME') ?? '.graft');
  const level = text('LOG_LEVEL') ?? 'info';
  const logLevel = LEVELS.find((known) => known === level);
  if (logLevel === undefined) mistakes.push(`LOG_LEVEL=${level}: one of ${LEVELS.join(', ')}`);
  const wanted = text('GRAFT_ENGINE') ?? 'auto';
  const engine = ENGINE_CHOICES.find((known) => known === wanted);
  if (engine === undefined) mistakes.push(`GRAFT_ENGINE=${wanted}: one of ${ENGINE_CHOICES.join(', ')}`);
  const predictUrl = text('PREDICT_URL') ?? `unix:${home}/run/predict.sock`;
  if (!/^(unix:\/|https?:\/\/)/.test(predictUrl))
    mistakes.push(`PREDICT_URL=${predictUrl}: unix:/path or http://host:port`);
  const embedded =
    text('GRAFT_EMBEDDED') === undefined ? text('DATABASE_URL') === undefined : flag('GRAFT_EMBEDDED', false);
  const config: Config = {
    host,
    port: whole('PORT', 8080, 0, 65_535),
    home,
    engineHome: resolve(text('GRAFT_ENGINE_HOME') ?? home),
    databaseUrl: url('DATABASE_URL', ['postgres:', 'postgresql:']),
    queueUrl: url('QUEUE_URL', ['redis:', 'rediss:']),
    predictUrl,
    logLevel: logLevel ?? 'info',
    openLoopback: embedded && isLoopback(host) && flag('GRAFT_OPEN_LOOPBACK', true),
    maxUploadBytes: whole('GRAFT_MAX_UPLOAD_MB', 20_480, 1, 1_048_576) * MIB,
    maxPredictBytes: whole('GRAFT_MAX_PREDICT_MB', 64, 1, 4096) * MIB,
    requestsPerSecond: whole('GRAFT_REQUESTS_PER_SECOND', 10_000, 0, 1_000_000),
    engine: engine ?? 'auto',
    embedded,
    trainConcurrency: whole('GRAFT_TRAIN_CONCURRENCY', 1, 1, 64),
    threads: whole('GRAFT_THREADS', availableParallelism(), 1, 1024),
    trainingMemoryBytes: whole('GRAFT_TRAINING_MEMORY_MB', 0, 0, 1_048_576 * 16) * MIB,
    featureCacheBytes: whole('GRAFT_FEATURE_CACHE_MB', 2048, 0, 1_048_576) * MIB,
    servingCacheBytes: whole('GRAFT_SERVING_CACHE_MB', 1024, 16, 1_048_576) * MIB,
    workerSilentMs: whole('GRAFT_WORKER_SILENT_SECONDS', 15, 2, 3600) * 1000,
    hub: {
      url: (url('GRAFT_HUB_URL', HTTP) ?? 'https://huggingface.co').replace(/\/+$/, ''),
      token,
      proxy: proxyOf((name) => text(name.toLowerCase()) ?? text(name)),
    },
    jobMaxAttempts: whole('GRAFT_JOB_MAX_ATTEMPTS', 5, 1, 100),
  };
  if (mistakes.length > 0) throw new Error(`The environment cannot be used:\n  ${mistakes.join('\n  ')}`);
  return config;
}

/** The standard variables; others write proxies without a scheme too. */
function proxyOf(text: (name: string) => string | undefined): HubConfig['proxy'] {
  const [http, https] = ['HTTP_PROXY', 'HTTPS_PROXY'].map((name) => {
    const value = text(name);
    return value === undefined || value.includes('://') ? value : `http://${value}`;
  });
  const not = text('NO_PROXY');
  if (http === undefined && https === undefined) return null;
  return { ...(http && { http }), ...(https && { https }), ...(not && { not }) };
}

/** The environment for a child process: this one's, with `changes` (undefined: taken out). */
export function childEnvironment(changes: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const all = { ...process.env, ...changes };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/**
 * `GRAFT_ADMIN_KEY`: a key of all scopes that the database is to know from the start; null where none is given.
 * Throws when it is too short to be a secret.
 */
export function readAdminKey(env: Readonly<Record<string, string | undefined>> = process.env): string | null {
  const key = env.GRAFT_ADMIN_KEY?.trim();
  if (key === undefined || key === '') return null;
  if (/^grft_[A-Za-z0-9_-]{32,}$/.test(key)) return key;
  throw new Error(
    'GRAFT_ADMIN_KEY: "grft_" and at least 32 letters, digits, "-" or "_", e.g. of `echo grft_$(openssl rand -hex 24)`',
  );
}

/** Whether an npm script started this process. */
export function startedByNpm(env: Readonly<Record<string, string | undefined>> = process.env): boolean {
  return env.npm_lifecycle_event !== undefined;
}
