import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A model hub on this machine that speaks what the public one documents (and its official clients expect): model info with
 * the commit (`/api/models/<repo>/revision/<rev>`), pages of the tree (`/api/models/<repo>/tree/<rev>`, `Link`), and files
 * (`/<repo>/resolve/<rev>/<path>`) with `X-Repo-Commit`, `ETag`, `X-Linked-Etag`, `X-Linked-Size` and ranges: small ones over a
 * redirect on the same host, large ones (Git LFS) over one to a second host, the CDN.
 */
export interface HubRequest {
  readonly at: 'hub' | 'cdn';
  readonly path: string;
  readonly range: string | null;
  readonly token: string | null;
}
export interface HubRepository {
  readonly files: Readonly<Record<string, Buffer | string>>;
  /** `gated` and `private` ones open to the token. */
  readonly access?: 'gated' | 'private';
  readonly tags?: readonly string[];
}
/** What goes wrong with a file, as long as it is set: how `serve` departs from sending the bytes that were asked for. */
export interface Fault {
  /** Sends so many bytes, then cuts the connection, or says no more. */
  readonly after?: number;
  readonly next?: 'cut' | 'stall';
  readonly ignoreRanges?: boolean;
  readonly status?: number;
  /** Other bytes than the tree tells of. */
  readonly content?: Buffer;
  /** Answers that are served so; all when left out. */
  times?: number;
}
export interface HubServer {
  readonly url: string;
  readonly cdn: string;
  readonly requests: HubRequest[];
  /** By path of the file, or `'api'`. */
  readonly faults: Map<string, Fault>;
  /** A new commit on `main`; what was there stays at its commit. Returns the commit. */
  push(repository: string, content: HubRepository): string;
  close(): Promise<void>;
}

export const HUB_TOKEN = 'hf_a_token_of_the_tests';
const LFS_FROM = 1000;
const PAGE = 3;
const sha = (kind: 'sha1' | 'sha256', ...parts: (Buffer | string)[]): string => {
  const hash = createHash(kind);
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};
const isLarge = (bytes: Buffer): boolean => bytes.length >= LFS_FROM;
const blobId = (bytes: Buffer): string => sha('sha1', `blob ${bytes.length}\0`, bytes);

interface Commit {
  readonly id: string;
  readonly files: ReadonlyMap<string, Buffer>;
  readonly repository: HubRepository;
}

export async function startHub(): Promise<HubServer> {
  const commits = new Map<string, Commit>();
  const requests: HubRequest[] = [];
  const faults = new Map<string, Fault>();
  const servers: Server[] = [];
  const start = async (at: HubRequest['at'], answer: (request: IncomingMessage, response: ServerResponse) => void) => {
    const server = createServer((request, response) => {
      const { range = null, authorization: token = null } = request.headers;
      requests.push({ at, path: request.url!, range, token });
      answer(request, response);
    });
    servers.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  const refuse = (response: ServerResponse, status: number, code: string, error: string) =>
    response
      .writeHead(status, { 'x-error-code': code, 'x-error-message': error, 'content-type': 'application/json' })
      .end(JSON.stringify({ error }));
  /** The commit at a revision, if whoever asks may see it; else the refusal is sent. */
  function seen(repository: string, revision: string, request: IncomingMessage, response: ServerResponse) {
    const commit = commits.get(`${repository}@${revision}`);
    const known = [...commits.keys()].some((key) => key.startsWith(`${repository}@`));
    const authorized = request.headers.authorization === `Bearer ${HUB_TOKEN}`;
    const access = commits.get(`${repository}@main`)?.repository.access;
    if (!known || (access === 'private' && !authorized)) {
      refuse(response, authorized ? 404 : 401, 'RepoNotFound', 'Repository not found');
      return null;
    }
    if (access === 'gated' && !authorized && !request.url!.startsWith('/api/models')) {
      refuse(response, 401, 'GatedRepo', 'Access to this model is restricted.');
      return null;
    }
    if (commit === undefined) {
      refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
      return null;
    }
    return commit;
  }

  /** Bytes as asked for, or as the fault of the path says. */
  function serve(path: string, bytes: Buffer, request: IncomingMessage, response: ServerResponse): void {
    const fault = faultOf(faults, path);
    const content = fault?.content ?? bytes;
    if (fault?.status !== undefined) {
      response.writeHead(fault.status).end();
      return;
    }
    const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const ranged = asked !== null && fault?.ignoreRanges !== true;
    const from = ranged ? Number(asked[1]) : 0;
    const to = ranged && asked[2] !== '' ? Number(asked[2]) + 1 : content.length;
    const part = content.subarray(from, to);
    response.writeHead(ranged ? 206 : 200, {
      'content-length': part.length,
      etag: `"${isLarge(bytes) ? sha('sha256', bytes) : blobId(bytes)}"`,
      ...(ranged && { 'content-range': `bytes ${from}-${to - 1}/${content.length}` }),
    });
    if (fault?.after === undefined) response.end(part);
    else
      response.write(part.subarray(0, fault.after), () => {
        // What was written is to arrive before the connection is cut.
        if (fault.next !== 'stall') setTimeout(() => response.destroy(), 20);
      });
  }

  const cdn = await start('cdn', (request, response) => {
    const path = decodeURIComponent(request.url!.slice(1)).split('#')[1]!;
    const digest = request.url!.slice(1, 65);
    const bytes = [...commits.values()]
      .flatMap(({ files }) => [...files.values()])
      .find((one) => sha('sha256', one) === digest);
    if (bytes === undefined) response.writeHead(404).end();
    else serve(path, bytes, request, response);
  });
  const url = await start('hub', (request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://hub');
    const info = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/([^/]+)$/.exec(pathname);
    const tree = /^\/api\/models\/([^/]+\/[^/]+)\/tree\/([^/]+)$/.exec(pathname);
    const file = /^\/(?:api\/resolve-cache\/models\/)?([^/]+\/[^/]+)\/(?:resolve\/)?([^/]+)\/(.+)$/.exec(pathname);
    const [, repository, revision, name] = info ?? tree ?? file ?? [];
    if (info !== null || tree !== null) {
      const status = faultOf(faults, 'api')?.status;
      if (status !== undefined) {
        response.writeHead(status).end();
        return;
      }
    }
    const commit = seen(repository ?? '', decodeURIComponent(revision ?? ''), request, response);
    if (commit === null) return;
    const json = (body: unknown, headers = {}) =>
      response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    if (info !== null) {
      const { tags = [], access } = commit.repository;
      json({ _id: commit.id.slice(0, 24), id: repository, sha: commit.id, tags, gated: access === 'gated' });
    } else if (tree !== null) {
      const all = [...commit.files];
      const from = Number(searchParams.get('cursor') ?? 0);
      searchParams.set('cursor', `${from + PAGE}`);
      const more = from + PAGE < all.length;
      json(
        all.slice(from, from + PAGE).map(entryOf),
        more ? { link: `<${url}${pathname}?${searchParams}>; rel="next"` } : {},
      );
    } else resolveFile(commit, decodeURIComponent(name!), request, response);
  });
  function resolveFile(commit: Commit, path: string, request: IncomingMessage, response: ServerResponse): void {
    const bytes = commit.files.get(path);
    if (bytes === undefined) {
      refuse(response, 404, 'EntryNotFound', 'Entry not found');
      return;
    }
    const headers = { 'x-repo-commit': commit.id, 'accept-ranges': 'bytes' };
    if (isLarge(bytes)) {
      const digest = sha('sha256', bytes);
      const location = `${cdn}/${digest}?of=${encodeURIComponent(`#${path}`)}`;
      const linked = { 'x-linked-size': `${bytes.length}`, 'x-linked-etag': `"${digest}"` };
      response.writeHead(302, { ...headers, ...linked, location }).end();
    } else if (request.url!.startsWith('/api/resolve-cache')) serve(path, bytes, request, response);
    else
      response
        .writeHead(307, {
          ...headers,
          'x-linked-etag': `"${blobId(bytes)}"`,
          location: request.url!.replace(/^\/([^/]+\/[^/]+)\/resolve\//, '/api/resolve-cache/models/$1/'),
        })
        .end();
  }

  return {
    url,
    cdn,
    requests,
    faults,
    push(name, repository) {
      const files = new Map(Object.entries(repository.files).map(([path, bytes]) => [path, Buffer.from(bytes)]));
      const id = sha('sha1', name, ...[...files].flat());
      const commit = { id, files, repository };
      commits.set(`${name}@${id}`, commit).set(`${name}@main`, commit);
      return id;
    },
    close: async () => {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      }
    },
  };
}

function entryOf([path, bytes]: readonly [string, Buffer]) {
  const size = bytes.length;
  if (!isLarge(bytes)) return { type: 'file', path, size, oid: blobId(bytes) };
  const lfs = { oid: sha('sha256', bytes), size, pointerSize: 130 };
  return { type: 'file', path, size, oid: sha('sha1', 'pointer', bytes), lfs };
}

function faultOf(faults: Map<string, Fault>, path: string): Fault | undefined {
  const fault = faults.get(path);
  if (fault?.times === undefined) return fault;
  fault.times -= 1;
  if (fault.times <= 0) faults.delete(path);
  return fault;
}
