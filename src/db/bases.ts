import type { Pool } from 'pg';
import type { BaseRepository } from '../domain/ports.js';
import type { Base, BaseFacts, ContentState, HubSource, ReceivedBytes } from '../domain/types.js';
import { GraftError, type StoredProblem } from '../errors.js';
import { endCheck, problemsOf, startCheck } from './check-tries.js';
import type { Database } from './client.js';
import { afterId, pageOf } from './cursor.js';
import { deleteUnlessUsed } from './deletion.js';
import type { Base as BaseRow } from './generated/client.js';
import { keptJson } from './kept-json.js';

function baseOf(row: BaseRow): Base {
  return {
    id: row.id,
    projectId: row.projectId,
    name: row.name,
    state: row.state as ContentState,
    digest: row.digest,
    bytes: Number(row.bytes),
    uploadKey: row.uploadKey,
    blobKey: row.blobKey,
    facts: row.facts as unknown as BaseFacts | null,
    ...problemsOf(row.state as ContentState, row.error as unknown as StoredProblem | null),
    source: row.source as unknown as HubSource | null,
    progress: row.progress as unknown as ReceivedBytes | null,
    bundled: row.bundled,
    modelId: row.modelId,
    createdAt: row.createdAt,
  };
}

/** What to throw for it: a unique violation in Prisma's own code, or in Postgres's through a driver, is a name that is taken. */
function nameTaken(error: unknown, name: string): unknown {
  const { code, message } = error as { code?: string; message: string };
  if (!/P2002|23505|nique constraint/.test(`${code} ${message}`)) return error;
  return new GraftError(
    'name-taken',
    `There is a base named '${name}' already. Choose another name, or delete that one.`,
  );
}

export function baseRepository(db: Database): BaseRepository {
  const { pool, prisma } = db;
  const byId = async (id: string) => {
    const row = await prisma.base.findFirst({ where: { id } });
    return row === null ? null : baseOf(row);
  };
  return {
    byId,
    async create({ id, projectId, name, uploadKey, bundled = false, source }) {
      const from = source === undefined ? {} : { source: { ...source } };
      const data = { id, projectId, name, uploadKey, bundled, state: 'receiving', ...from };
      const row = await prisma.base.create({ data }).catch((error: unknown) => {
        throw nameTaken(error, name);
      });
      return baseOf(row);
    },
    async createFrom({ id: modelId, projectId, certificate, files }, { id, name }) {
      const digest = certificate.exportDigest;
      const bytes = files.find((file) => file.digest === digest)?.bytes ?? 0;
      const made = pool.query(
        `WITH m AS (SELECT id FROM model WHERE id = $6 AND project_id = $2 AND deleted_at IS NULL FOR SHARE)
         INSERT INTO base (id, project_id, name, state, digest, bytes, model_id)
         SELECT $1, $2, $3, 'checking', $4, $5, m.id FROM m`,
        [id, projectId, name, digest, bytes, modelId],
      );
      const { rowCount } = await made.catch((error: unknown) => {
        throw nameTaken(error, name);
      });
      if (rowCount !== 1) throw new GraftError('not-found', `The model '${modelId}' was deleted.`);
      return (await byId(id))!;
    },
    async pinned(id, found) {
      await pool.query('UPDATE base SET source = source || $2::jsonb WHERE id = $1', [id, keptJson(found)]);
    },
    async progressed(id, progress) {
      // `updated_at` stays, as in `startCheck`.
      const { rowCount } = await pool.query(
        `UPDATE base SET progress = $2 WHERE id = $1 AND state = 'receiving' AND deleted_at IS NULL`,
        [id, JSON.stringify(progress)],
      );
      return rowCount === 1;
    },
    async uploaded(id, { digest, bytes }) {
      const { rowCount } = await pool.query(
        `UPDATE base SET state = 'checking', digest = $2, bytes = $3, updated_at = now(),
           progress = NULL, error = NULL, checks_started = 0, checks_failed = 0
         WHERE id = $1 AND state = 'receiving' AND deleted_at IS NULL`,
        [id, digest, bytes],
      );
      return rowCount === 1;
    },
    async abandon(id) {
      await prisma.base.deleteMany({ where: { id, state: 'receiving' } });
    },
    startCheck: (id) => startCheck(pool, 'base', [id]),
    endCheck: (id, how) => endCheck(pool, 'base', [id], how),
    async checked(id, outcome) {
      const ready = outcome.state === 'ready';
      const { rowCount } = await pool.query(
        `UPDATE base SET state = $2, digest = coalesce($3, digest), bytes = coalesce($4, bytes), blob_key = $5, facts = $6, error = $7,
           progress = NULL, updated_at = now() WHERE id = $1 AND state IN ('receiving', 'checking')`,
        [
          id,
          outcome.state,
          ready ? outcome.digest : null,
          ready ? outcome.bytes : null,
          ready ? outcome.blobKey : null,
          ready ? keptJson(outcome.facts) : null,
          ready ? null : keptJson(outcome.error),
        ],
      );
      return rowCount === 1;
    },
    async find(projectId, reference) {
      // Newest first: the same file may have been added twice, under two names.
      const row = await prisma.base.findFirst({
        where: { projectId, deletedAt: null, OR: [{ id: reference }, { name: reference }, { digest: reference }] },
        orderBy: { id: 'desc' },
      });
      return row === null ? null : baseOf(row);
    },
    async bundled(projectId) {
      const rows = await prisma.base.findMany({
        where: { projectId, bundled: true, deletedAt: null },
        orderBy: { id: 'desc' },
      });
      return rows.map(baseOf);
    },
    async bundledDeleted(projectId, digest) {
      const where = { projectId, bundled: true, digest, state: 'ready', deletedAt: { not: null } };
      return (await prisma.base.count({ where })) > 0;
    },
    async rename(id, name) {
      await prisma.base.update({ where: { id }, data: { name } });
    },
    async list(projectId, page) {
      const after = afterId(page);
      const rows = await prisma.base.findMany({
        where: { projectId, deletedAt: null, ...(after === null ? {} : { id: { lt: after } }) },
        orderBy: { id: 'desc' },
        take: page.limit + 1,
      });
      return pageOf(rows, page.limit, (row) => row.id, baseOf);
    },
    delete: (projectId, id) => deleteUnlessUsed(pool, 'base', projectId, id),
    staleChecks: (olderThanMs) => stale(pool, "state = 'checking'", olderThanMs),
    staleDownloads: (olderThanMs) => stale(pool, FETCHED, olderThanMs),
    async downloading(ids) {
      const { rows } = await pool.query<{ id: string }>(
        `SELECT id FROM base WHERE id = ANY($1) AND deleted_at IS NULL AND ${FETCHED}`,
        [ids],
      );
      return new Set(rows.map(({ id }) => id));
    },
  };
}

/** Comes from a hub, as opposed to an upload under way, which is the API's. */
const FETCHED = "state = 'receiving' AND source IS NOT NULL";

async function stale(pool: Pool, which: string, olderThanMs: number): Promise<readonly { baseId: string }[]> {
  const { rows } = await pool.query<{ baseId: string }>(
    `SELECT id AS "baseId" FROM base WHERE ${which} AND deleted_at IS NULL AND updated_at < $1 LIMIT 1000`,
    [new Date(Date.now() - olderThanMs)],
  );
  return rows;
}
