import type { DatasetRepository } from '../domain/ports.js';
import { GraftError } from '../errors.js';
import { endCheck, startCheck } from './check-tries.js';
import type { Database } from './client.js';
import { afterId, afterNumber, pageOf } from './cursor.js';
import { type DatasetRow, datasetOf, exampleOf, type RevisionRow, revisionOf } from './dataset-rows.js';
import { deleteUnlessUsed } from './deletion.js';
import { addExamples } from './examples.js';
import { keptJson } from './kept-json.js';

const SELECT = `SELECT d.id, d.project_id, d.name, d.task, d.created_at, r.number, r.state, r.digest, r.bytes, r.columns, r.summary, r.error
  FROM dataset d LEFT JOIN dataset_revision r ON r.dataset_id = d.id AND r.number = d.revision`;

export function datasetRepository(db: Database): DatasetRepository {
  const { pool, prisma } = db;
  const get = async (projectId: string, id: string) => {
    const { rows } = await pool.query<DatasetRow>({
      name: 'dataset-get',
      text: `${SELECT} WHERE d.id = $1 AND d.project_id = $2 AND d.deleted_at IS NULL`,
      values: [id, projectId],
    });
    return rows[0] === undefined ? null : datasetOf(rows[0]);
  };
  const revision = async (id: string, number: number) => {
    const { rows } = await pool.query<RevisionRow>(
      `SELECT r.*, d.project_id, d.task FROM dataset_revision r JOIN dataset d ON d.id = r.dataset_id
       WHERE r.dataset_id = $1 AND r.number = $2 AND d.deleted_at IS NULL`,
      [id, number],
    );
    return rows[0] === undefined ? null : revisionOf(rows[0]);
  };

  return {
    get,
    revision,
    async create({ id, projectId, name, task }) {
      await prisma.dataset.create({ data: { id, projectId, name, task } });
      return (await get(projectId, id))!;
    },
    async startRevision(projectId, id, mediaType, uploadKey, columns = null) {
      const { rows } = await pool.query<{ revision: number }>(
        `WITH d AS (UPDATE dataset SET revision = revision + 1
                    WHERE id = $1 AND project_id = $2 AND deleted_at IS NULL RETURNING id, revision)
         INSERT INTO dataset_revision (dataset_id, number, state, media_type, upload_key, columns)
         SELECT id, revision, 'receiving', $3, replace($4, '{revision}', revision::text),
           coalesce($5::jsonb, (SELECT b.columns FROM dataset_revision b WHERE b.dataset_id = d.id ORDER BY b.number DESC LIMIT 1))
         FROM d RETURNING number AS revision`,
        [id, projectId, mediaType, uploadKey, columns === null ? null : JSON.stringify(columns)],
      );
      const started = rows[0] === undefined ? null : await revision(id, rows[0].revision);
      if (started === null) throw new GraftError('not-found', `There is no dataset '${id}'.`);
      return started;
    },
    async uploaded(id, number, { digest, bytes }) {
      await prisma.datasetRevision.updateMany({
        where: { datasetId: id, number, state: 'receiving' },
        data: { state: 'checking', digest, bytes: BigInt(bytes), updatedAt: new Date() },
      });
    },
    async abandonRevision(id, number) {
      await pool.query(
        `WITH gone AS (DELETE FROM dataset_revision WHERE dataset_id = $1 AND number = $2 AND state = 'receiving' RETURNING dataset_id),
              before AS (SELECT coalesce(max(number), 0) AS number FROM dataset_revision WHERE dataset_id = $1 AND number <> $2)
         UPDATE dataset d SET revision = before.number, deleted_at = CASE WHEN before.number = 0 THEN now() ELSE d.deleted_at END
         FROM gone, before WHERE d.id = gone.dataset_id AND d.revision = $2`,
        [id, number],
      );
    },
    async list(projectId, page) {
      const { rows } = await pool.query<DatasetRow>(
        `${SELECT} WHERE d.project_id = $1 AND d.deleted_at IS NULL AND ($2::text IS NULL OR d.id < $2) ORDER BY d.id DESC LIMIT $3`,
        [projectId, afterId(page), page.limit + 1],
      );
      return pageOf(rows, page.limit, (row) => row.id, datasetOf);
    },
    delete: (projectId, id) => deleteUnlessUsed(pool, 'dataset', projectId, id),
    async clearExamples(id, number) {
      await prisma.example.deleteMany({ where: { datasetId: id, revision: number } });
    },
    startCheck: (id, number) => startCheck(pool, 'dataset_revision', [id, number]),
    endCheck: (id, number, how) => endCheck(pool, 'dataset_revision', [id, number], how),
    addExamples: (id, number, examples) => addExamples(pool, id, number, examples),
    async checked(id, number, outcome) {
      const ready = outcome.state === 'ready';
      const { rowCount } = await pool.query(
        `UPDATE dataset_revision SET state = $3, pack_key = $4, summary = $5, report = $6, error = $7, updated_at = now()
         WHERE dataset_id = $1 AND number = $2 AND state = 'checking'`,
        [
          id,
          number,
          outcome.state,
          ready ? outcome.packKey : null,
          outcome.summary === null ? null : keptJson(outcome.summary),
          outcome.report === null ? null : keptJson(outcome.report),
          ready ? null : keptJson(outcome.error),
        ],
      );
      return rowCount === 1;
    },
    async examples(id, number) {
      const rows = await prisma.example.findMany({
        where: { datasetId: id, revision: number, problemCode: null },
        orderBy: { index: 'asc' },
      });
      return rows.map(exampleOf);
    },
    async listExamples(id, number, filter, page) {
      const problem = filter.problem;
      const rows = await prisma.example.findMany({
        where: {
          datasetId: id,
          revision: number,
          index: { gt: afterNumber(page) },
          ...(filter.label === undefined ? {} : { label: filter.label }),
          ...(filter.split === undefined ? {} : { split: filter.split }),
          ...(problem === undefined
            ? {}
            : { problemCode: problem === true ? { not: null } : problem === false ? null : problem }),
        },
        orderBy: { index: 'asc' },
        take: page.limit + 1,
      });
      return pageOf(rows, page.limit, (row) => row.index, exampleOf);
    },
    async staleChecks(olderThanMs) {
      const { rows } = await pool.query<{ datasetId: string; revision: number }>(
        `SELECT r.dataset_id AS "datasetId", r.number AS revision FROM dataset_revision r JOIN dataset d ON d.id = r.dataset_id
         WHERE r.state = 'checking' AND d.deleted_at IS NULL AND r.updated_at < now() - make_interval(secs => $1 / 1000.0) LIMIT 1000`,
        [olderThanMs],
      );
      return rows;
    },
  };
}
