import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { Config } from '../config.js';
import type { JobState } from '../domain/lifecycle.js';
import type { Repositories, Scope } from '../domain/ports.js';
import type { Model } from '../domain/types.js';
import type { Logger } from '../log.js';
import type { Enqueue } from '../queue/names.js';
import type { PredictClient } from '../services/predict-client.js';
import type { BlobStores } from '../storage/index.js';

/** Everything the service stands on; `main.ts` builds it, tests build their own. */
export interface AppDeps {
  readonly config: Pick<
    Config,
    'openLoopback' | 'embedded' | 'maxUploadBytes' | 'maxPredictBytes' | 'requestsPerSecond'
  >;
  readonly log: Logger;
  /** The project of requests that need no key. */
  readonly projectId: string;
  readonly repositories: Repositories;
  readonly stores: BlobStores;
  readonly enqueue: Enqueue;
  readonly predictor: Pick<PredictClient, 'predict' | 'stats'>;
  /** The whole ONNX file of a model, in pieces; the same bytes every time. */
  readonly exportModel: (model: Model) => Promise<readonly Uint8Array[]>;
  /** Each part that must be up for the service to be ready; rejects while it is not. */
  readonly checks: Readonly<Record<string, () => Promise<void>>>;
  readonly jobCounts: () => Promise<Readonly<Partial<Record<JobState, number>>>>;
}

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
/** Adds routes to a context whose scope is already set. */
export type Routes = (app: App, deps: AppDeps) => void;

export interface Caller {
  readonly projectId: string;
  /** null: this machine itself, without a key. */
  readonly keyId: string | null;
  readonly scopes: readonly Scope[];
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller;
    /** sha256 of a JSON body's bytes; null for other bodies. */
    bodyDigest: string | null;
  }
  interface FastifyContextConfig {
    /** Set by the context the route is registered in. */
    scope?: Scope | 'public';
    /** Bodies taken besides JSON, for the specification and for 415: media type to schema. */
    bodies?: Readonly<Record<string, unknown>>;
    /** The JSON body may be left out. */
    bodyOptional?: boolean;
    /** Media types of the answer besides the schema's. */
    readonly noJson?: boolean;
  }
}
