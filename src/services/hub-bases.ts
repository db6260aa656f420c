import type { Repositories } from '../domain/ports.js';
import type { Base } from '../domain/types.js';
import { GraftError } from '../errors.js';
import { newId } from '../ids.js';
import type { Enqueue } from '../queue/names.js';
import { refuseTakenName, wrongBaseName } from './bases.js';
import { uploadKey } from './datasets.js';

/** They become part of addresses on the hub, so nothing that could climb or ask for something else. */
const REPOSITORY = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}\/[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}$/;
const REVISION = /^[A-Za-z0-9_][A-Za-z0-9_.+/-]{0,99}$/;
/** What the hub takes when none is named. */
const MAIN = 'main';

/** What is wrong with the name of a repository, in words; null for a good one. */
export function wrongHub(hub: string): string | null {
  if (REPOSITORY.test(hub) && !/\.\.|--|\.git$/.test(hub)) return null;
  return "must be 'org/name', of letters, digits and . _ - (as in the address of the model's page)";
}
export function wrongRevision(revision: string): string | null {
  if (REVISION.test(revision) && !/\.\.|\/\/|\/$/.test(revision)) return null;
  return 'must be a branch, a tag or a commit, of letters, digits and . _ + / -';
}

/** A base whose files a worker fetches from the model hub. Without a name it gets the repository's. */
export async function createBaseFromHub(
  deps: { readonly repositories: Pick<Repositories, 'bases'>; readonly enqueue: Enqueue },
  projectId: string,
  request: { readonly hub: string; readonly revision?: string; readonly name?: string },
): Promise<Base> {
  const { hub, revision = MAIN, name = hub.split('/')[1] ?? '' } = request;
  refuse('/hub', wrongHub(hub));
  refuse('/revision', wrongRevision(revision));
  refuse('/name', wrongBaseName(name));
  await refuseTakenName(deps, projectId, name);
  const id = newId('base');
  const source = { hub, revision, commit: null, license: null };
  const base = await deps.repositories.bases.create({ id, projectId, name, uploadKey: uploadKey(id), source });
  await deps.enqueue('base.download', { baseId: id });
  return base;
}

function refuse(path: string, wrong: string | null): void {
  if (wrong === null) return;
  const detail = `${path.slice(1)} ${wrong}.`;
  throw new GraftError('request-invalid', detail, { errors: [{ path, code: 'value-wrong', detail }] });
}
