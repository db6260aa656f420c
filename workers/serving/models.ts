import { createHash } from 'node:crypto';
import { GraftError } from '../../src/errors.js';
import { readBase, tokenizerKey } from '../../src/services/base-file.js';
import type { ServedModel } from '../../src/services/predict-protocol.js';
import type { BlobStore } from '../../src/storage/blob.js';
import { textJson, withoutWindows } from '../../src/tasks/text-classification/compose.js';
import { createCache, type Lease } from './cache.js';
import type { TrunkInput } from './engine-messages.js';
import type { Tokenizer, TokenizerOptions } from './tokenizer.js';
import type { Trunk, TrunkSpec } from './trunk.js';

/** What a model is served with, loaded. */
export interface HeldModel {
  readonly trunk: Trunk;
  readonly head: string;
  /** null where it takes pictures. */
  readonly tokenizer: Tokenizer | null;
}
export interface ModelStore {
  /** Trunk, head and tokenizer, loaded if need be and kept until `release`. Throws `not-found` when their blobs are gone. */
  acquire(model: ServedModel): Promise<HeldModel & { release(): void }>;
  stats(): Readonly<Record<string, number>>;
  close(): void;
}
export interface ModelStoreOptions {
  readonly blobs: () => Promise<BlobStore>;
  readonly openTrunk: (spec: TrunkSpec, onEnd: () => void) => Promise<Trunk>;
  readonly openTokenizer: (options: TokenizerOptions) => Promise<Tokenizer>;
  readonly cacheBytes: number;
  readonly threads: number;
  readonly maxPixels: number;
}

interface HeldTrunk {
  readonly trunk: Trunk;
  readonly serial: number;
}

/** What onnxruntime takes for a session of three nodes, besides the weights; measured over 1,000 heads. */
const HEAD_OVERHEAD = 128 * 1024;

/**
 * Models that grew from the same base, cut alike and fed alike share one trunk, and those with the same tokenizer's files one
 * tokenizer, whichever their trunks; heads have an eighth of the memory.
 */
export function createModelStore(options: ModelStoreOptions): ModelStore {
  const { blobs, cacheBytes } = options;
  const trunks = createCache(cacheBytes - cacheBytes / 8);
  const heads = createCache(cacheBytes / 8);
  /** Digests of tokenizers by those of the bases that they came with: a few bytes each. */
  const tokenizerOf = new Map<string, string>();
  const headsOf = new Map<number, Set<string>>();
  let serials = 0;
  const loaded = { trunks: 0, tokenizers: 0 };

  async function read({ id }: ServedModel, from: (store: BlobStore) => Promise<Uint8Array>): Promise<Uint8Array> {
    return blobs()
      .then(from)
      .catch((cause: unknown) => {
        if (cause instanceof GraftError && cause.code === 'not-found')
          throw new GraftError('not-found', `What model ${id} is made of is gone: it was deleted.`, { cause });
        const detail = `Model ${id} cannot be read from storage at the moment. Try again.`;
        throw new GraftError('unavailable', detail, { retryAfter: 1, cause });
      });
  }

  function inputOf({ id, text, preprocessing }: ServedModel): TrunkInput {
    if (text !== null) return { kind: 'text', text };
    if (preprocessing === null) throw new GraftError('internal', `Model ${id} takes neither images nor texts.`);
    return { kind: 'image', preprocessing };
  }

  /** A base made from a model has its tokenizer: the same files under another key. */
  async function acquireTokenizer(model: ServedModel): Promise<Lease<Tokenizer>> {
    const { digest: base } = model.base;
    const files = () => read(model, (store) => store.read(tokenizerKey(base)));
    let digest = tokenizerOf.get(base);
    let known: Uint8Array | null = null;
    if (digest === undefined) {
      known = await files();
      digest = createHash('sha256').update(known).digest('hex');
      tokenizerOf.set(base, digest);
    }
    return trunks.acquire(`tokenizer ${digest}`, async () => {
      const value = await options.openTokenizer({ files: known ?? (await files()), threads: options.threads });
      loaded.tokenizers += 1;
      const close = () => {
        loaded.tokenizers -= 1;
        value.close();
      };
      return { value, bytes: value.bytes, close };
    });
  }

  function acquireTrunk(model: ServedModel): Promise<Lease<HeldTrunk>> {
    const key = trunkKey(model);
    return trunks.acquire<HeldTrunk>(key, async () => {
      serials += 1;
      const serial = serials;
      headsOf.set(serial, new Set());
      const { cut, changedKey } = model;
      const input = inputOf(model);
      const [base, changed] = await Promise.all([
        read(model, (store) => readBase(store, model.base.digest)),
        changedKey ? read(model, (store) => store.read(changedKey)) : null,
      ]);
      const spec = { base, changed, cut, input, threads: options.threads, maxPixels: options.maxPixels };
      // A thread that ended by itself must not be handed out again.
      let value: HeldTrunk | null = null;
      const trunk = await options.openTrunk(spec, () => {
        if (value !== null) trunks.forget(key, value);
        for (const head of headsOf.get(serial) ?? []) heads.forget(head, head);
        headsOf.delete(serial);
      });
      value = { trunk, serial };
      loaded.trunks += 1;
      const close = () => {
        loaded.trunks -= 1;
        trunk.close();
      };
      return { value, bytes: trunk.bytes, close };
    });
  }

  async function acquire(model: ServedModel): ReturnType<ModelStore['acquire']> {
    const leases: { release(): void }[] = [];
    const held = async <V>(lease: Promise<Lease<V>>): Promise<V> => {
      const found = await lease;
      leases.unshift(found);
      return found.value;
    };
    const release = () => {
      for (const lease of leases) lease.release();
    };
    const loading = [held(acquireTrunk(model)), model.text === null ? null : held(acquireTokenizer(model))] as const;
    try {
      const [{ trunk, serial }, tokenizer] = await Promise.all(loading);
      return { trunk, tokenizer, head: await held(acquireHead(model, trunk, serial)), release };
    } catch (error) {
      await Promise.allSettled(loading);
      release();
      throw error;
    }
  }

  function acquireHead(model: ServedModel, trunk: Trunk, serial: number): Promise<Lease<string>> {
    const head = `${serial}:${model.headKey}`;
    return heads.acquire(head, async () => {
      const bytes = await read(model, (store) => store.read(model.headKey));
      await trunk.addHead(head, bytes);
      headsOf.get(serial)?.add(head);
      const close = () => {
        headsOf.get(serial)?.delete(head);
        trunk.dropHead(head);
      };
      return { value: head, bytes: 2 * bytes.byteLength + HEAD_OVERHEAD, close };
    });
  }

  return {
    acquire,
    stats: () => ({
      ...loaded,
      heads: heads.size,
      cacheBytes: trunks.bytes + heads.bytes,
      trunkLoads: serials,
      headLoads: heads.loads,
      evictions: trunks.evictions + heads.evictions,
    }),
    close: () => {
      heads.clear();
      trunks.clear();
    },
  };
}

function trunkKey({ base, changedKey, cut, preprocessing: p, text }: ServedModel): string {
  const fed = p === null ? null : [p.resize, p.crop, p.layout, p.channels, p.scale, p.mean, p.std];
  return JSON.stringify([
    base.digest,
    changedKey ?? null,
    cut,
    fed,
    text === null ? null : textJson(withoutWindows(text)),
  ]);
}
