import { HELD_STATES } from '../domain/lifecycle.js';
import type { JobRepository } from '../domain/ports.js';
import { GraftError } from '../errors.js';
import type { Database } from './client.js';
import { afterId, pageOf } from './cursor.js';
import { groundLost } from './job-ground.js';
import { reclaim, requestOf } from './job-requests.js';
import { type EventRow, eventOf, type JobRow, jobOf, type MetricRow, metricOf } from './job-rows.js';
import { eventSql, transition, update } from './job-writes.js';
import { insertModel } from './models.js';
import { inTransaction } from './transaction.js';

export function jobRepository(db: Database): JobRepository {
  const { pool } = db;
  const byId = async (id: string) => {
    const { rows } = await pool.query<JobRow>({
      name: 'job-by-id',
      text: 'SELECT * FROM job WHERE id = $1',
      values: [id],
    });
    return rows[0] === undefined ? null : jobOf(rows[0]);
  };
  const get = async (projectId: string, id: string) => {
    const job = await byId(id);
    return job === null || job.projectId !== projectId ? null : job;
  };

  return {
    byId,
    get,
    async create(job) {
      const values: unknown[] = [
        job.id,
        job.projectId,
        job.name,
        job.task,
        job.dataset.id,
        job.dataset.revision,
        job.base.id,
        job.base.digest,
        JSON.stringify(job.method),
        JSON.stringify(job.hyperparameters),
        job.validation === null ? null : JSON.stringify(job.validation),
        JSON.stringify(job.metadata),
        job.engineRequested,
        job.retryOf,
      ];
      // What it stands on is locked against being deleted until the job is there, and not found if it was deleted.
      const { rowCount } = await pool.query(
        `WITH d AS (SELECT id FROM dataset WHERE id = $5 AND project_id = $2 AND deleted_at IS NULL FOR SHARE),
              b AS (SELECT id FROM base WHERE id = $7 AND project_id = $2 AND deleted_at IS NULL FOR SHARE),
              changed AS (INSERT INTO job (id, project_id, name, state, task, dataset_id, dataset_revision, base_id, base_digest, method,
                hyperparameters, validation, metadata, engine_requested, retry_of)
              SELECT $1, $2, $3, 'queued', $4, d.id, $6, b.id, $8, $9, $10, $11, $12, $13, $14 FROM d, b RETURNING id, project_id)
         ${eventSql({ type: 'state', message: 'queued', data: { state: 'queued' } }, values)}`,
        values,
      );
      if (rowCount !== 1) throw await groundLost(pool, job);
      return (await byId(job.id))!;
    },
    async list(projectId, filter, page) {
      const { rows } = await pool.query<JobRow>(
        `SELECT * FROM job WHERE project_id = $1 AND ($2::text IS NULL OR id < $2) AND ($3::text IS NULL OR state = $3)
           AND ($4::text IS NULL OR task = $4) ORDER BY id DESC LIMIT $5`,
        [projectId, afterId(page), filter.state ?? null, filter.task ?? null, page.limit + 1],
      );
      return pageOf(rows, page.limit, (row) => row.id, jobOf);
    },
    async claim(id, workerId) {
      const values: unknown[] = [id, workerId];
      const { rowCount } = await pool.query(
        `WITH changed AS (UPDATE job SET state = 'preparing', attempt = attempt + 1, worker_id = $2, heartbeat_at = now(),
             started_at = coalesce(started_at, now()), intent = NULL, progress = NULL
           WHERE id = $1 AND state = 'queued' RETURNING id, project_id)
         ${eventSql({ type: 'state', message: 'a worker took the job', data: { state: 'preparing', worker: workerId } }, values)}`,
        values,
      );
      if (rowCount !== 1) return null;
      const job = await byId(id);
      return job?.state === 'preparing' ? job : null;
    },
    async waits(id, message, data) {
      const values: unknown[] = [id, message];
      await pool.query(
        `WITH changed AS (SELECT id, project_id FROM job WHERE id = $1 AND state = 'queued' AND NOT EXISTS (
             SELECT 1 FROM event WHERE job_id = $1 AND message = $2 AND created_at >= job.queued_at) FOR UPDATE)
         ${eventSql({ type: 'log', level: 'warning', message, ...(data && { data }) }, values)}`,
        values,
      );
    },
    async heartbeat(fence) {
      const { rows } = await pool.query<{ intent: 'cancel' | 'pause' | 'stop' | null }>(
        `UPDATE job SET heartbeat_at = now() WHERE id = $1 AND attempt = $2
           AND state IN ('preparing', 'running', 'evaluating', 'publishing', 'pausing', 'cancelling') RETURNING intent`,
        [fence.jobId, fence.attempt],
      );
      return rows[0] === undefined ? { held: false, intent: null } : { held: true, intent: rows[0].intent };
    },
    transition: (fence, to, event, patch) => transition(pool, fence, to, event, patch),
    update: (fence, patch, event) => update(pool, fence, patch, event),
    async addMetrics(fence, given) {
      // A run that begins again may tell a step twice; one statement cannot write a row twice.
      const points = [...new Map(given.map((p) => [`${p.step} ${p.name}`, p])).values()];
      const { rowCount } = await pool.query(
        `WITH held AS (SELECT project_id, id, attempt FROM job WHERE id = $1 AND attempt = $2 AND state = ANY($3) FOR UPDATE),
              added AS (INSERT INTO metric (project_id, job_id, attempt, name, step, value)
                SELECT held.project_id, held.id, held.attempt, p.name, p.step, p.value
                FROM held, unnest($4::text[], $5::int[], $6::float8[]) AS p (name, step, value)
                ON CONFLICT (job_id, attempt, name, step) DO UPDATE SET value = excluded.value)
         SELECT id FROM held`,
        [
          fence.jobId,
          fence.attempt,
          HELD_STATES,
          points.map((p) => p.name),
          points.map((p) => p.step),
          points.map((p) => p.value),
        ],
      );
      return rowCount === 1;
    },
    async publish(fence, model, metrics) {
      return inTransaction(pool, async (client) => {
        const event = { type: 'state', message: `published as ${model.id}`, data: { model: model.id } } as const;
        const progress = { phase: 'done', done: 1, total: 1, fraction: 1, etaSeconds: 0 };
        const done = await transition(client, fence, 'succeeded', event, { modelId: model.id, metrics, progress });
        if (done) await insertModel(client, model);
        return done;
      });
    },
    async request(projectId, id, action) {
      const find = () => get(projectId, id);
      // Asked first, so that another project's job is not found rather than changed.
      if ((await find()) === null) throw new GraftError('not-found', `There is no job '${id.slice(0, 100)}'.`);
      return requestOf(pool, find, id, action);
    },
    async events(jobId, after, limit) {
      const { rows } = await pool.query<EventRow>({
        name: 'job-events',
        text: 'SELECT * FROM event WHERE job_id = $1 AND seq > $2 ORDER BY seq LIMIT $3',
        values: [jobId, after.toString(), limit],
      });
      return rows.map(eventOf);
    },
    async metrics(jobId, name, after, limit) {
      const { rows } = await pool.query<MetricRow>(
        'SELECT * FROM metric WHERE job_id = $1 AND seq > $2 AND ($3::text IS NULL OR name = $3) ORDER BY seq LIMIT $4',
        [jobId, after.toString(), name ?? null, limit],
      );
      return rows.map(metricOf);
    },
    async forgotten(olderThanMs) {
      const { rows } = await pool.query<{ id: string }>(
        `SELECT id FROM job WHERE state = 'queued' AND queued_at < now() - make_interval(secs => $1 / 1000.0) ORDER BY queued_at LIMIT 1000`,
        [olderThanMs],
      );
      return rows.map((row) => row.id);
    },
    reclaim: (silentMs, maxAttempts) => reclaim(pool, silentMs, maxAttempts),
  };
}
