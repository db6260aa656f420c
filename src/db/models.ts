import type { PoolClient } from 'pg';
import type { ModelRepository, NewModel } from '../domain/ports.js';
import type { Json, Model } from '../domain/types.js';
import { GraftError } from '../errors.js';
import type { Database } from './client.js';
import { afterId, pageOf } from './cursor.js';
import { deleteUnlessUsed } from './deletion.js';
import { evaluationExamples } from './evaluation-examples.js';
import { keptJson } from './kept-json.js';
import { lineages } from './lineage.js';

interface ModelRow {
  id: string;
  project_id: string;
  name: string | null;
  task: Model['task'];
  job_id: string;
  dataset_id: string;
  dataset_revision: number;
  base_id: string;
  base_digest: string;
  cut: string;
  labels: string[];
  preprocessing: Model['preprocessing'];
  text: Model['text'];
  method: Model['method'];
  metrics: Record<string, number>;
  certificate: Model['certificate'];
  head_key: string;
  files: Model['files'];
  created_at: Date;
}

function modelOf(row: ModelRow): Model {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    task: row.task,
    jobId: row.job_id,
    dataset: { id: row.dataset_id, revision: row.dataset_revision },
    base: { id: row.base_id, digest: row.base_digest },
    cut: row.cut,
    labels: row.labels,
    preprocessing: row.preprocessing,
    text: row.text,
    method: row.method,
    metrics: row.metrics,
    certificate: row.certificate,
    headKey: row.head_key,
    files: row.files,
    createdAt: row.created_at,
  };
}

/** Everything but the evaluation, which is large and asked for alone. */
const COLUMNS = `id, project_id, name, task, job_id, dataset_id, dataset_revision, base_id, base_digest, cut, labels, preprocessing,
  text, method, metrics, certificate, head_key, files, created_at`;
const EXAMPLE_BATCH = 5_000;

/** The model row and its evaluated examples, inside the transaction that makes the job `succeeded`. */
export async function insertModel(client: PoolClient, model: NewModel): Promise<void> {
  const orNull = (value: object | null) => (value === null ? null : keptJson(value));
  await client.query(
    `INSERT INTO model (${COLUMNS.replace(', created_at', '')}, evaluation)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
    [
      model.id,
      model.projectId,
      model.name,
      model.task,
      model.jobId,
      model.dataset.id,
      model.dataset.revision,
      model.base.id,
      model.base.digest,
      model.cut,
      keptJson(model.labels),
      orNull(model.preprocessing),
      orNull(model.text),
      keptJson(model.method),
      keptJson(model.metrics),
      keptJson(model.certificate),
      model.headKey,
      keptJson(model.files),
      keptJson(model.evaluation),
    ],
  );
  for (let at = 0; at < model.examples.length; at += EXAMPLE_BATCH) {
    await client.query(
      `INSERT INTO evaluation_example (model_id, project_id, index, path, split, actual, predicted, probability, probabilities, excerpt)
       SELECT $1, $2, e.index, e.path, e.split, e.actual, e.predicted, e.probability, e.probabilities, e.excerpt
       FROM jsonb_to_recordset($3::jsonb) AS e (index int, path text, split text, actual text, predicted text,
         probability float8, probabilities float8[], excerpt text)`,
      [model.id, model.projectId, keptJson(model.examples.slice(at, at + EXAMPLE_BATCH))],
    );
  }
}

export function modelRepository(db: Database): ModelRepository {
  const { pool, prisma } = db;
  const find = async (projectId: string, reference: string) => {
    const { rows } = await pool.query<ModelRow>({
      name: 'model-find',
      text: `SELECT ${COLUMNS} FROM model WHERE project_id = $1 AND deleted_at IS NULL
        AND id = coalesce((SELECT model_id FROM alias WHERE project_id = $1 AND name = $2), $2)`,
      values: [projectId, reference],
    });
    return rows[0] === undefined ? null : modelOf(rows[0]);
  };
  return {
    find,
    async byId(id) {
      const { rows } = await pool.query<ModelRow>(`SELECT ${COLUMNS} FROM model WHERE id = $1`, [id]);
      return rows[0] === undefined ? null : modelOf(rows[0]);
    },
    lineages: (ids) => lineages(pool, ids),
    async list(projectId, page) {
      const { rows } = await pool.query<ModelRow>(
        `SELECT ${COLUMNS} FROM model WHERE project_id = $1 AND deleted_at IS NULL AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
        [projectId, afterId(page), page.limit + 1],
      );
      return pageOf(rows, page.limit, (row) => row.id, modelOf);
    },
    async evaluation(id) {
      const row = await prisma.model.findUnique({ where: { id }, select: { evaluation: true } });
      return (row?.evaluation ?? null) as Json | null;
    },
    evaluationExamples: (id, filter, page) => evaluationExamples(prisma, id, filter, page),
    delete: (projectId, id) =>
      deleteUnlessUsed(pool, 'model', projectId, id, (client) =>
        client.query('DELETE FROM alias WHERE model_id = $1', [id]),
      ),
    async setAlias(projectId, name, modelId) {
      const model = await prisma.model.findFirst({
        where: { id: modelId, projectId, deletedAt: null },
        select: { id: true },
      });
      if (model === null) throw new GraftError('not-found', `There is no model '${modelId}'.`);
      await prisma.alias.upsert({
        where: { projectId_name: { projectId, name } },
        create: { projectId, name, modelId },
        update: { modelId },
      });
    },
    async aliases(projectId) {
      return prisma.alias.findMany({ where: { projectId }, orderBy: { name: 'asc' }, omit: { projectId: true } });
    },
    async deleteAlias(projectId, name) {
      return (await prisma.alias.deleteMany({ where: { projectId, name } })).count > 0;
    },
  };
}
