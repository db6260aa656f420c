import type { Repositories } from '../domain/ports.js';
import type { Model } from '../domain/types.js';
import { findModel } from './predict.js';

/** How long a model that another process deleted, or an alias that it moved, is answered for as before. */
const KNOWN_MS = 1_000;
const MOST = 1_000;

/** The models that predictions are asked of, each looked up once a second at most: a query for every one of them took about a third of the API's time. */
export interface ServedModels {
  /** By id or alias; throws `not-found`. */
  find(projectId: string, reference: string): Promise<Model>;
  /** After every change of a model or an alias by this process. */
  forget(): void;
}

export function servedModels(repositories: Pick<Repositories, 'models'>, now = () => performance.now()): ServedModels {
  const known = new Map<string, { readonly model: Promise<Model>; readonly until: number }>();
  return {
    find(projectId, reference) {
      const key = `${projectId} ${reference}`;
      const hit = known.get(key);
      if (hit !== undefined && hit.until > now()) return hit.model;
      if (known.size >= MOST) known.clear();
      const entry = { model: findModel({ repositories }, projectId, reference), until: now() + KNOWN_MS };
      known.set(key, entry);
      entry.model.catch(() => {
        if (known.get(key) === entry) known.delete(key);
      });
      return entry.model;
    },
    // What is being looked up is forgotten too: it may have been read before the change.
    forget: () => known.clear(),
  };
}
