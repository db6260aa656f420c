import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrationsFolder } from '../../../src/db/index.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';

/** What migrations make and what schema.prisma says are held against each other, as lines of text. */
const TYPES: Readonly<Record<string, string>> = {
  String: 'text',
  Boolean: 'boolean',
  Int: 'integer',
  BigInt: 'bigint',
  Float: 'double precision',
  Json: 'jsonb',
  Bytes: 'bytea',
  DateTime: 'timestamp with time zone',
};
/** Prisma's words for what becomes of a row whose target goes, as Postgres keeps them. */
const ACTIONS: Readonly<Record<string, string>> = { NoAction: 'a', Cascade: 'c', Restrict: 'r', SetNull: 'n' };
/** The language of schema.prisma has no partial indexes. */
const PARTIAL = ['base_project_id_name_live_key', 'dataset_revision_checking_idx'];

interface Declared {
  readonly table: string;
  readonly body: string;
  /** Column of each field. */
  readonly columns: ReadonlyMap<string, string>;
}
const schema = readFileSync(join(migrationsFolder(), '../schema.prisma'), 'utf8');
const models = new Map(
  [...schema.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)].map(([, name, body]) => {
    const fields = [...body!.matchAll(/^ {2}(\w+) +\w+.*$/gm)];
    const columns = fields.map(([line, field]) => [field!, /@map\("(\w+)"\)/.exec(line)?.[1] ?? field!] as const);
    const table = /@@map\("(\w+)"\)/.exec(body!)?.[1] ?? name!;
    return [name!, { table, body: body!, columns: new Map(columns) } satisfies Declared] as const;
  }),
);
const listed = ({ columns }: Declared, fields: string) =>
  fields.split(/,\s*/).map((field) => columns.get(field) ?? `no field ${field}`);

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());
async function lines(text: string): Promise<readonly string[]> {
  const { rows } = await db.pool.query<{ line: string }>(text);
  return rows.map((row) => row.line).sort();
}

test('tables and columns', async () => {
  const declared = [...models.values()].flatMap(({ table, body, columns }) =>
    [...body.matchAll(/^ {2}(\w+) +(\w+)(\[\]|\?)?/gm)].flatMap(([, field, type, mark]) => {
      if (models.has(type!)) return [];
      // A list may be absent in SQL and is empty then, for Prisma.
      if (mark === '[]') return [`${table}.${columns.get(field!)} ARRAY`];
      return [`${table}.${columns.get(field!)} ${TYPES[type!]} ${mark === '?' ? 'null' : 'not null'}`];
    }),
  );
  const made = await lines(
    `SELECT table_name || '.' || column_name || ' ' || data_type || CASE WHEN data_type = 'ARRAY' THEN ''
       WHEN is_nullable = 'YES' THEN ' null' ELSE ' not null' END AS line FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name <> '_prisma_migrations'`,
  );
  expect(made.length).toBeGreaterThan(100);
  expect(declared.sort()).toEqual(made);
});

test('foreign keys, and what becomes of a row whose target goes', async () => {
  const declared = [...models.values()].flatMap((model) =>
    [
      ...model.body.matchAll(
        /^ {2}\w+ +(\w+)\??.*fields: \[([^\]]+)\], references: \[([^\]]+)\], onDelete: (\w+), onUpdate: (\w+)/gm,
      ),
    ].map(([, target, fields, references, gone, changed]) => {
      const to = models.get(target!)!;
      const [from, onto] = [listed(model, fields!), listed(to, references!)];
      return `${model.table}_${from.join('_')}_fkey (${from}) -> ${to.table} (${onto}) ${ACTIONS[gone!]} ${ACTIONS[changed!]}`;
    }),
  );
  const columns = (of: string, keys: string) =>
    `(SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(c.${keys}) WITH ORDINALITY k (number, n)
       JOIN pg_attribute a ON a.attrelid = c.${of} AND a.attnum = k.number)`;
  const made = await lines(
    `SELECT c.conname || ' (' || ${columns('conrelid', 'conkey')} || ') -> ' || c.confrelid::regclass || ' (' ||
       ${columns('confrelid', 'confkey')} || ') ' || c.confdeltype::text || ' ' || c.confupdtype::text AS line
     FROM pg_constraint c WHERE c.contype = 'f'`,
  );
  expect(made.length).toBeGreaterThan(15);
  expect(declared.sort()).toEqual(made);
});

test('primary keys and indexes', async () => {
  const declared = [...models.values()].flatMap((model) => {
    const { table, body, columns } = model;
    const blocks = [...body.matchAll(/^ {2}@@(id|unique|index)\(\[([^\]]+)\]\)/gm)].map(
      ([, kind, fields]) => [kind!, listed(model, fields!)] as const,
    );
    const fields = [...body.matchAll(/^ {2}(\w+) .*@(id|unique)\b(?!\()/gm)].map(
      ([, field, kind]) => [kind!, [columns.get(field!)!]] as const,
    );
    return [...blocks, ...fields].map(([kind, of]) => {
      const name = kind === 'id' ? `${table}_pkey` : `${table}_${of.join('_')}_${kind === 'unique' ? 'key' : 'idx'}`;
      return `${name} (${of}) ${kind === 'index' ? 'any' : 'unique'}`;
    });
  });
  const made = await lines(
    `SELECT i.indexrelid::regclass || ' (' || (SELECT string_agg(a.attname, ',' ORDER BY k.n)
         FROM unnest(i.indkey::int[]) WITH ORDINALITY k (number, n)
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number)
       || ') ' || CASE WHEN i.indisunique THEN 'unique' ELSE 'any' END AS line
     FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
     WHERE t.relnamespace = 'public'::regnamespace AND t.relname <> '_prisma_migrations'
       AND i.indexrelid::regclass::text <> ALL (ARRAY['${PARTIAL.join("','")}'])`,
  );
  expect(made.length).toBeGreaterThan(25);
  expect(declared.sort()).toEqual(made);
});

test('the generated client follows the relations', async () => {
  const projects = await db.prisma.project.findMany({
    select: {
      name: true,
      datasets: { select: { revisions: true } },
      jobs: { include: { events: true, published: true } },
    },
  });
  expect(projects).toEqual([{ name: 'default', datasets: [], jobs: [] }]);
  expect(await db.prisma.jobTransition.count({ where: { fromState: 'queued' } })).toBe(4);
});
