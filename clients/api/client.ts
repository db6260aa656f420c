import type { components } from './generated/schema.js';
import { multipart, type UploadOptions } from './multipart.js';
import { serverEvents } from './server-events.js';

type Schemas = components['schemas'];
export type Base = Schemas['Base'];
export type Dataset = Schemas['Dataset'];
export type DatasetReport = Schemas['DatasetReport'];
export type BinaryScore = Schemas['BinaryScore'];
/** Columns of a table of texts that an upload names. */
export type ColumnFields = Pick<Schemas['DatasetUpload'], 'textColumn' | 'labelColumn' | 'splitColumn'>;
export type Job = Schemas['Job'];
export type JobEvent = Schemas['JobEvent'];
export type JobRequest = Schemas['JobRequest'];
export type Model = Schemas['Model'];
export type Problem = Schemas['Problem'];

/** The server said no, in an RFC 9457 problem document. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.detail);
  }
}
/** No server answered at the address. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

export interface PredictOptions {
  /** How many labels, most probable first. */
  readonly top?: number | undefined;
  /** Of two labels: the probability from which on the second one is predicted. */
  readonly threshold?: number | undefined;
}
export interface ClientOptions {
  /** Such as http://127.0.0.1:8080 */
  readonly url: string;
  readonly apiKey?: string;
}
export interface List<T> {
  readonly object: 'list';
  readonly data: readonly T[];
  readonly hasMore: boolean;
  readonly nextCursor: string | null;
}
type Query = Readonly<Record<string, string | number | boolean | undefined>>;
interface Sent {
  readonly query?: Query;
  readonly json?: unknown;
  readonly body?: ReadableStream | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export type Client = ReturnType<typeof createClient>;

/** Speaks the HTTP contract; every method throws `ApiError` for a refusal and `ConnectionError` where nobody answers. */
export function createClient(options: ClientOptions) {
  const root = options.url.replace(/\/+$/, '');
  const auth: Record<string, string> =
    options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` };

  async function send(method: string, path: string, sent: Sent = {}): Promise<Response> {
    const url = new URL(root + path);
    for (const [key, value] of Object.entries(sent.query ?? {}))
      if (value !== undefined) url.searchParams.set(key, String(value));
    const json = sent.json === undefined ? {} : { 'content-type': 'application/json' };
    const init: RequestInit & { duplex?: 'half' } = {
      method,
      headers: { accept: 'application/json', ...auth, ...json, ...sent.headers },
      signal: sent.signal ?? null,
      body: sent.json === undefined ? (sent.body ?? null) : JSON.stringify(sent.json),
      duplex: 'half',
    };
    const response = await fetch(url, init).catch((error: unknown) => {
      sent.signal?.throwIfAborted();
      const cause = (error as { cause?: { code?: string; message?: string } }).cause;
      throw new ConnectionError(`No answer from ${root}: ${cause?.code ?? cause?.message ?? String(error)}`, {
        cause: error,
      });
    });
    if (!response.ok) throw await refusal(response);
    return response;
  }
  async function request<T>(method: string, path: string, sent?: Sent): Promise<T> {
    const response = await send(method, path, sent);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }
  /** Every item of a list, page after page. */
  async function* each<T>(path: string, query: Query = {}): AsyncGenerator<T> {
    for (let after: string | undefined; ; ) {
      const page = await request<List<T>>('GET', path, { query: { limit: 100, ...query, after } });
      yield* page.data;
      if (!page.hasMore || page.nextCursor === null) return;
      after = page.nextCursor;
    }
  }
  const id = encodeURIComponent;
  const upload = <T>(
    path: string,
    fields: Readonly<Record<string, string>>,
    file: string,
    how?: UploadOptions,
  ): Promise<T> =>
    multipart(fields, file, how).then(({ body, headers }) =>
      request<T>('POST', path, { body, headers, ...(how?.signal ? { signal: how.signal } : {}) }),
    );

  return {
    root,
    send,
    request,
    each,
    bases: {
      add: (file: string, name: string, how?: UploadOptions) => upload<Base>('/v1/bases', { name }, file, how),
      addModel: (model: string, name?: string) =>
        request<Base>('POST', '/v1/bases', { json: { model, ...(name === undefined ? {} : { name }) } }),
      /** From the service's model hub: `org/name`, at a branch, tag or commit. */
      addHub: (hub: string, how: { readonly revision?: string; readonly name?: string } = {}) =>
        request<Base>('POST', '/v1/bases', { json: { hub, ...how } }),
      get: (base: string) => request<Base>('GET', `/v1/bases/${id(base)}`),
      list: () => each<Base>('/v1/bases'),
      delete: (base: string) => request<void>('DELETE', `/v1/bases/${id(base)}`),
    },
    datasets: {
      add: (file: string, name: string, task: string, how: UploadOptions & { readonly columns?: ColumnFields } = {}) =>
        upload<Dataset>('/v1/datasets', { name, task, ...how.columns }, file, how),
      get: (dataset: string) => request<Dataset>('GET', `/v1/datasets/${id(dataset)}`),
      report: (dataset: string) => request<DatasetReport>('GET', `/v1/datasets/${id(dataset)}/report`),
      list: () => each<Dataset>('/v1/datasets'),
      delete: (dataset: string) => request<void>('DELETE', `/v1/datasets/${id(dataset)}`),
    },
    jobs: {
      create: (job: JobRequest, key?: string) =>
        request<Job>('POST', '/v1/jobs', {
          json: job,
          ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
        }),
      get: (job: string) => request<Job>('GET', `/v1/jobs/${id(job)}`),
      list: (query?: Query) => each<Job>('/v1/jobs', query),
      act: (job: string, action: string) => request<Job>('POST', `/v1/jobs/${id(job)}/${action}`),
      /** As a new job, with other hyperparameters where some are given. */
      retry: (job: string, hyperparameters: NonNullable<JobRequest['hyperparameters']> = {}) =>
        request<Job>('POST', `/v1/jobs/${id(job)}/retry`, { json: { hyperparameters } }),
      events: (job: string) => each<JobEvent>(`/v1/jobs/${id(job)}/events`),
      /** Live from the first event (or after `after`) to the job's end; a broken stream goes on where it stopped. */
      follow: (job: string, signal?: AbortSignal) =>
        serverEvents<JobEvent>((lastId) =>
          send('GET', `/v1/jobs/${id(job)}/events`, {
            headers: { accept: 'text/event-stream', ...(lastId === null ? {} : { 'last-event-id': lastId }) },
            ...(signal === undefined ? {} : { signal }),
          }),
        ),
    },
    models: {
      get: (model: string) => request<Model>('GET', `/v1/models/${id(model)}`),
      list: () => each<Model>('/v1/models'),
      /** Of two labels at the threshold that meets a wished precision, where one is given. */
      evaluation: (model: string, precision?: number) =>
        request<Record<string, unknown>>(
          'GET',
          `/v1/models/${id(model)}/evaluation${precision === undefined ? '' : `?precision=${precision}`}`,
        ),
      files: (model: string) =>
        request<List<{ name: string; bytes: number; digest: string }>>('GET', `/v1/models/${id(model)}/files`),
      file: (model: string, name: string) =>
        send('GET', `/v1/models/${id(model)}/files/${id(name)}`, { headers: { accept: '*/*' } }),
      delete: (model: string) => request<void>('DELETE', `/v1/models/${id(model)}`),
      alias: (name: string, model: string) => request<unknown>('PUT', `/v1/aliases/${id(name)}`, { json: { model } }),
      /** For one picture. */
      predict: (model: string, body: Buffer, type: string, { top, threshold }: PredictOptions = {}) =>
        request<Schemas['PredictionResult']>('POST', `/v1/models/${id(model)}/predict`, {
          body: new Uint8Array(body),
          headers: { 'content-type': type },
          query: { top, threshold },
        }),
      /** For up to 1,000 texts. */
      predictTexts: (model: string, texts: readonly string[], options: PredictOptions = {}) =>
        request<Schemas['PredictionResult']>('POST', `/v1/models/${id(model)}/predict`, {
          json: { inputs: texts.map((text) => ({ text })), ...options },
        }),
    },
  };
}

/** What is no problem document (a proxy's page, say) becomes one. */
async function refusal(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const problem = JSON.parse(text) as Problem;
    if (typeof problem.code === 'string') return new ApiError(response.status, problem);
  } catch {
    // Not JSON: told below with its first words.
  }
  const detail = `HTTP ${response.status} ${response.statusText}: ${text.slice(0, 200)}`;
  return new ApiError(response.status, {
    type: 'about:blank',
    title: response.statusText,
    status: response.status,
    code: 'internal',
    detail,
  } as Problem);
}
