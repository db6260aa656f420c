import type { BaseRepository } from '../domain/ports.js';
import type { Base, BaseFacts, ContentState } from '../domain/types.js';
import { GraftError, type StoredProblem } from '../errors.js';
import { endCheck, startCheck } from './check-tries.js';
import type { Database } from './client.js';
import { afterId, pageOf } from './cursor.js';
import { deleteUnlessUsed } from './deletion.js';
import type { Base as BaseRow } from './generated/client.js';

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
    error: row.error as unknown as StoredProblem | null,
    bundled: row.bundled,
    createdAt: row.createdAt,
  };
}

export function baseRepository(db: Database): BaseRepository {
  const { pool, prisma } = db;
  return {
    async create({ id, projectId, name, uploadKey, bundled = false }) {
      try {
        return baseOf(
          await prisma.base.create({ data: { id, projectId, name, uploadKey, bundled, state: 'receiving' } }),
        );
      } catch (error) {
        // Both forms of a unique violation: Prisma's own code, and Postgres's through the driver adapter.
        if (/P2002|23505|nique constraint/.test(`${(error as { code?: string }).code} ${(error as Error).message}`)) {
          throw new GraftError(
            'name-taken',
            `There is a base named '${name}' already. Choose another name, or delete that one.`,
          );
        }
        throw error;
      }
    },
    async uploaded(id, { digest, bytes }) {
      await prisma.base.updateMany({
        where: { id, state: 'receiving' },
        data: { state: 'checking', digest, bytes: BigInt(bytes), updatedAt: new Date() },
      });
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
           updated_at = now() WHERE id = $1 AND state = 'checking'`,
        [
          id,
          outcome.state,
          ready ? outcome.digest : null,
          ready ? outcome.bytes : null,
          ready ? outcome.blobKey : null,
          ready ? JSON.stringify(outcome.facts) : null,
          ready ? null : JSON.stringify(outcome.error),
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
    async byId(id) {
      const row = await prisma.base.findFirst({ where: { id } });
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
    async staleChecks(olderThanMs) {
      const rows = await prisma.base.findMany({
        where: { state: 'checking', deletedAt: null, updatedAt: { lt: new Date(Date.now() - olderThanMs) } },
        select: { id: true },
        take: 1000,
      });
      return rows.map((row) => ({ baseId: row.id }));
    },
  };
}
