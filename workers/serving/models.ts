import { GraftError } from '../../src/errors.js';
import { readBase, tokenizerKey } from '../../src/services/base-file.js';
import type { ServedModel } from '../../src/services/predict-protocol.js';
import type { BlobStore } from '../../src/storage/blob.js';
import { textJson } from '../../src/tasks/text-classification/compose.js';
import { createCache } from './cache.js';
import type { TrunkInput } from './engine-messages.js';
import type { Trunk, TrunkSpec } from './trunk.js';

export interface ModelStore {
  /** Trunk and head, loaded if need be and kept until `release`. Throws `not-found` when their blobs are gone. */
  acquire(model: ServedModel): Promise<{ readonly trunk: Trunk; readonly head: string; release(): void }>;
  stats(): Readonly<Record<string, number>>;
  close(): void;
}
export interface ModelStoreOptions {
  readonly blobs: () => Promise<BlobStore>;
  readonly openTrunk: (spec: TrunkSpec, onEnd: () => void) => Promise<Trunk>;
  readonly cacheBytes: number;
  readonly threads: number;
  readonly maxPixels: number;
}

/** What onnxruntime takes for a session of three nodes, besides the weights; measured over 1,000 heads. */
const HEAD_OVERHEAD = 128 * 1024;

/** Models that grew from the same base, cut alike and fed alike share one trunk; heads have an eighth of the memory. */
export function createModelStore(options: ModelStoreOptions): ModelStore {
  const { blobs, cacheBytes } = options;
  const trunks = createCache<{ trunk: Trunk; serial: number }>(cacheBytes - cacheBytes / 8);
  const heads = createCache<string>(cacheBytes / 8);
  const headsOf = new Map<number, Set<string>>();
  let serials = 0;

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

  async function inputOf(model: ServedModel): Promise<TrunkInput> {
    const { text, preprocessing } = model;
    if (text !== null) {
      const tokenizer = await read(model, (store) => store.read(tokenizerKey(model.base.digest)));
      return { kind: 'text', text, tokenizer };
    }
    if (preprocessing === null) throw new GraftError('internal', `Model ${model.id} takes neither images nor texts.`);
    return { kind: 'image', preprocessing };
  }

  function acquireTrunk(model: ServedModel) {
    const key = trunkKey(model);
    return trunks.acquire(key, async () => {
      serials += 1;
      const serial = serials;
      headsOf.set(serial, new Set());
      const { cut, changedKey } = model;
      const [base, changed, input] = await Promise.all([
        read(model, (store) => readBase(store, model.base.digest)),
        changedKey ? read(model, (store) => store.read(changedKey)) : null,
        inputOf(model),
      ]);
      const spec = { base, changed, cut, input, threads: options.threads, maxPixels: options.maxPixels };
      // A thread that ended by itself must not be handed out again.
      let value: { trunk: Trunk; serial: number } | null = null;
      const trunk = await options.openTrunk(spec, () => {
        if (value !== null) trunks.forget(key, value);
        for (const head of headsOf.get(serial) ?? []) heads.forget(head, head);
        headsOf.delete(serial);
      });
      value = { trunk, serial };
      return { value, bytes: trunk.bytes, close: trunk.close };
    });
  }

  async function acquire(model: ServedModel) {
    const held = await acquireTrunk(model);
    const { trunk, serial } = held.value;
    const head = `${serial}:${model.headKey}`;
    try {
      const heldHead = await heads.acquire(head, async () => {
        const bytes = await read(model, (store) => store.read(model.headKey));
        const size = 2 * bytes.byteLength + HEAD_OVERHEAD;
        await trunk.addHead(head, bytes);
        headsOf.get(serial)?.add(head);
        const close = () => {
          headsOf.get(serial)?.delete(head);
          trunk.dropHead(head);
        };
        return { value: head, bytes: size, close };
      });
      const release = () => {
        heldHead.release();
        held.release();
      };
      return { trunk, head, release };
    } catch (error) {
      held.release();
      throw error;
    }
  }

  return {
    acquire,
    stats: () => ({
      trunks: trunks.size,
      heads: heads.size,
      cacheBytes: trunks.bytes + heads.bytes,
      trunkLoads: trunks.loads,
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
  return JSON.stringify([base.digest, changedKey ?? null, cut, fed, text === null ? null : textJson(text)]);
}
