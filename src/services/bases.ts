import type { Repositories } from '../domain/ports.js';
import type { Base } from '../domain/types.js';
import { GraftError } from '../errors.js';
import { newId } from '../ids.js';
import type { Enqueue } from '../queue/names.js';
import type { BlobInfo, BlobStore } from '../storage/blob.js';
import { findModel } from './predict.js';

export interface BaseServices {
  readonly repositories: Pick<Repositories, 'bases'>;
  readonly stores: { readonly artifacts: BlobStore };
  readonly enqueue: Enqueue;
}

/** Names stand in addresses beside ids and digests, so they must not look like either. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9 ._+@()-]{0,99}$/;

/** What is wrong with a base's name, in words; null for a good one. */
export function wrongBaseName(name: string): string | null {
  if (!NAME.test(name)) return 'must be 1 to 100 letters, digits, spaces or . _ + @ ( ) -, a letter or digit first';
  return /^base_[0-9a-z]{26}$/.test(name) ? 'must not look like an id' : null;
}

export async function refuseTakenName(deps: Pick<BaseServices, 'repositories'>, projectId: string, name: string) {
  const other = await deps.repositories.bases.find(projectId, name);
  if (other !== null) {
    throw new GraftError(
      'name-taken',
      `The base '${other.id}' has the name '${name}'. Choose another, or delete that one.`,
    );
  }
}

/** A base from an upload that lies whole in the store, given to the checker. On failure neither row nor upload stays. */
export async function createBase(
  deps: BaseServices,
  projectId: string,
  base: { id: string; name: string; bundled?: boolean },
  blob: BlobInfo,
): Promise<Base> {
  const { bases } = deps.repositories;
  let created = false;
  try {
    await bases.create({ ...base, projectId, uploadKey: blob.key });
    created = true;
    await bases.uploaded(base.id, blob);
  } catch (error) {
    if (created) await bases.abandon(base.id).catch(() => {});
    await deps.stores.artifacts.delete(blob.key);
    throw error;
  }
  await deps.enqueue('base.check', { baseId: base.id });
  return findBase(deps, projectId, base.id);
}

/**
 * A base whose file is the exported one of a model, given to the checker. Without a name it gets the model's, if that is
 * one for a base, or else the model's id.
 */
export async function createBaseFrom(
  deps: Pick<BaseServices, 'enqueue'> & { readonly repositories: Pick<Repositories, 'bases' | 'models'> },
  projectId: string,
  request: { readonly model: string; readonly name?: string },
): Promise<Base> {
  const model = await findModel(deps, projectId, request.model);
  const own = model.name !== null && wrongBaseName(model.name) === null ? model.name : model.id;
  const name = request.name ?? own;
  const wrong = wrongBaseName(name);
  if (wrong !== null)
    throw new GraftError('request-invalid', `The name ${wrong}.`, {
      errors: [{ path: '/name', code: 'value-wrong', detail: wrong }],
    });
  await refuseTakenName(deps, projectId, name);
  const base = await deps.repositories.bases.createFrom(model, { id: newId('base'), name });
  await deps.enqueue('base.check', { baseId: base.id });
  return base;
}

/** By id, name or digest. */
export async function findBase(
  deps: Pick<BaseServices, 'repositories'>,
  projectId: string,
  reference: string,
): Promise<Base> {
  const found = await deps.repositories.bases.find(projectId, reference);
  if (found === null) throw new GraftError('not-found', `There is no base '${reference.slice(0, 100)}'.`);
  return found;
}

/** Throws `in-use` while jobs that have not ended or models stand on it. */
export async function deleteBase(deps: BaseServices, projectId: string, reference: string): Promise<void> {
  const base = await findBase(deps, projectId, reference);
  if (!(await deps.repositories.bases.delete(projectId, base.id))) {
    throw new GraftError('not-found', `There is no base '${reference.slice(0, 100)}'.`);
  }
  if (base.uploadKey !== null) await deps.stores.artifacts.delete(base.uploadKey);
}
