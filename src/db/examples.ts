import type { Pool } from 'pg';
import type { Example } from '../domain/types.js';
import { keepable } from '../words.js';

const BATCH = 5_000;

/** Adds examples by columns (`unnest`): 5,000 rows a statement, idempotent by their index. */
export async function addExamples(
  pool: Pool,
  datasetId: string,
  revision: number,
  examples: readonly Example[],
): Promise<void> {
  for (let at = 0; at < examples.length; at += BATCH) {
    const rows = examples.slice(at, at + BATCH);
    await pool.query(
      `INSERT INTO example (dataset_id, revision, index, path, label, split, "offset", bytes, digest, width, height, problem_code, problem_detail)
       SELECT $1, $2, * FROM unnest($3::int[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::int[], $9::text[], $10::int[], $11::int[], $12::text[], $13::text[])
       ON CONFLICT (dataset_id, revision, index) DO NOTHING`,
      [
        datasetId,
        revision,
        rows.map((row) => row.index),
        rows.map((row) => keepable(row.path)),
        rows.map((row) => row.label),
        rows.map((row) => row.split),
        rows.map((row) => row.offset),
        rows.map((row) => row.bytes),
        rows.map((row) => row.digest),
        rows.map((row) => row.width),
        rows.map((row) => row.height),
        rows.map((row) => row.problem?.code ?? null),
        rows.map((row) => (row.problem === null ? null : keepable(row.problem.detail))),
      ],
    );
  }
}
