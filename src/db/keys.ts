import type { ApiKey, KeyRepository, Scope } from '../domain/ports.js';
import type { Database } from './client.js';
import { afterId, pageOf } from './cursor.js';
import type { ApiKey as KeyRow } from './generated/client.js';

function keyOf(row: KeyRow): ApiKey {
  return {
    id: row.id,
    projectId: row.projectId,
    name: row.name,
    scopes: row.scopes as Scope[],
    prefix: row.prefix,
    createdAt: row.createdAt,
    lastUsedAt: row.lastUsedAt,
    expiresAt: row.expiresAt,
  };
}

export function keyRepository({ prisma, pool }: Database): KeyRepository {
  return {
    async create({ scopes, ...key }) {
      return keyOf(await prisma.apiKey.create({ data: { ...key, scopes: [...scopes] } }));
    },
    async byDigest(digest) {
      const row = await prisma.apiKey.findFirst({
        where: { digest, revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: new Date() } }] },
      });
      if (row === null) return null;
      // Once a minute is enough to see which keys are in use, and spares a write per request.
      await pool.query(
        `UPDATE api_key SET last_used_at = now() WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`,
        [row.id],
      );
      return keyOf(row);
    },
    async list(projectId, page) {
      const after = afterId(page);
      const rows = await prisma.apiKey.findMany({
        where: { projectId, revokedAt: null, ...(after === null ? {} : { id: { lt: after } }) },
        orderBy: { id: 'desc' },
        take: page.limit + 1,
      });
      return pageOf(rows, page.limit, (row) => row.id, keyOf);
    },
    async revoke(projectId, id) {
      const { count } = await prisma.apiKey.updateMany({
        where: { id, projectId, revokedAt: null },
        data: { revokedAt: new Date() },
      });
      return count > 0;
    },
  };
}
