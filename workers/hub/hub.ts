import { Agent, type Dispatcher, EnvHttpProxyAgent, fetch as undiciFetch } from 'undici';
import type { HubConfig } from '../../src/config.js';
import { type Asked, refusal, unreachable } from './failures.js';
import type { HubFile } from './files.js';

/** How long to wait, in milliseconds. */
export interface HubPatience {
  /** For a connection, the name's lookup included: where nobody answers, a user is to know at once. */
  readonly connect: number;
  /** For the next bytes of an answer. */
  readonly stall: number;
}
export const PATIENCE: HubPatience = { connect: 1000, stall: 15_000 };

/** A repository of the hub, as it is at one revision. */
export interface Hub {
  /** What the revision is just now. */
  resolve(signal: AbortSignal): Promise<{ commit: string; license: string | null }>;
  /** Every file of the commit. */
  files(commit: string, signal: AbortSignal): Promise<readonly HubFile[]>;
  /** The bytes of a file from `start` on; the answer's status is 206, or 200 where the server sends all of it. */
  open(commit: string, path: string, start: number, signal: AbortSignal): Promise<Response>;
  /** Whether the hub has answered anything yet. */
  readonly answered: boolean;
  close(): Promise<void>;
}

/**
 * Speaks to the hub, through its official library where that does the work: what a revision is, and which files it has. The
 * bytes are asked for at the documented address `/<repository>/resolve/<commit>/<path>` by ourselves, because the library
 * begins every download at its first byte and checks no digest. Its token parameter is not used either: it takes none but
 * those of one host, and would send it to a file's CDN.
 */
export function connectHub(config: HubConfig, asked: Asked, patience: HubPatience = PATIENCE): Hub {
  const dispatcher = dispatcherFor(config, patience);
  const { origin } = new URL(config.url);
  const authorization = config.token === null ? {} : { authorization: `Bearer ${config.token}` };
  let answered = false;

  /** A `fetch` for this hub alone. A redirect to another origin (a CDN) is followed without the token, as fetch does. */
  const fetcher =
    (signal: AbortSignal) =>
    async (input: unknown, init: RequestInit = {}) => {
      const url = new URL(String(input));
      if (url.origin !== origin) throw new Error(`${url.origin} is not the model hub, so nothing is asked of it.`);
      const headers = { ...(init.headers as Record<string, string>), ...authorization, 'accept-encoding': 'identity' };
      const request = { method: init.method ?? 'GET', headers, signal, dispatcher };
      const response = (await undiciFetch(url, request as never).catch((error: unknown) => {
        signal.throwIfAborted();
        throw unreachable(config, error);
      })) as unknown as Response;
      answered = true;
      if (response.ok || response.status === 416) return response;
      await response.body?.cancel();
      throw refusal(config, asked, response);
    };
  const library = (signal: AbortSignal) => ({ hubUrl: config.url, fetch: fetcher(signal) as typeof fetch });
  return {
    get answered() {
      return answered;
    },
    async resolve(signal) {
      const { modelInfo } = await import('@huggingface/hub');
      const { hub: name, revision } = asked;
      const info = await modelInfo({ name, revision, additionalFields: ['sha', 'tags'], ...library(signal) });
      if (!/^[0-9a-f]{40}$/.test(info.sha)) throw new Error(`The hub names no commit of '${name}' at '${revision}'.`);
      const tag = info.tags?.find((one) => one.startsWith('license:'));
      return { commit: info.sha, license: tag?.slice('license:'.length) ?? null };
    },
    async files(commit, signal) {
      const { listFiles } = await import('@huggingface/hub');
      const found: HubFile[] = [];
      const repo = { type: 'model', name: asked.hub } as const;
      for await (const entry of listFiles({ repo, revision: commit, recursive: true, ...library(signal) })) {
        if (entry.type !== 'file' || entry.oid === undefined) continue;
        const { path, size, oid, lfs } = entry;
        if (lfs === undefined) found.push({ path, bytes: size, digest: { kind: 'git', hex: oid } });
        else found.push({ path, bytes: lfs.size, digest: { kind: 'sha256', hex: lfs.oid.replace(/^sha256:/, '') } });
      }
      return found;
    },
    open(commit, path, start, signal) {
      const at = path.split('/').map(encodeURIComponent).join('/');
      const headers: Record<string, string> = start === 0 ? {} : { range: `bytes=${start}-` };
      return fetcher(signal)(`${config.url}/${asked.hub}/resolve/${commit}/${at}`, { headers });
    },
    // Not `close`, which waits for answers that nobody reads any more.
    close: () => dispatcher.destroy(),
  };
}

function dispatcherFor({ proxy }: HubConfig, { connect, stall }: HubPatience): Dispatcher {
  const options = { connect: { timeout: connect }, headersTimeout: stall, bodyTimeout: stall };
  if (proxy === null) return new Agent(options);
  const { http, https, not } = proxy;
  return new EnvHttpProxyAgent({
    ...options,
    ...(http !== undefined && { httpProxy: http }),
    ...(https !== undefined && { httpsProxy: https }),
    noProxy: not ?? '',
  });
}
