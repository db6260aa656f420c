import type { EvaluationFilter, Page, PageRequest } from '../domain/ports.js';
import type { EvaluationExample, Split } from '../domain/types.js';
import type { Database } from './client.js';
import { afterNumber, pageOf } from './cursor.js';

/** Evaluated examples of a model. They never change, so a page in order of confidence goes on at a place in the list. */
export async function evaluationExamples(
  prisma: Database['prisma'],
  modelId: string,
  { actual, predicted, wrong, order = 'index' }: EvaluationFilter,
  page: PageRequest,
): Promise<Page<EvaluationExample>> {
  const { actual: truth } = prisma.evaluationExample.fields;
  const after = afterNumber(page);
  const byPlace = order === 'index';
  const rows = await prisma.evaluationExample.findMany({
    where: {
      modelId,
      ...(byPlace && { index: { gt: after } }),
      ...(actual !== undefined && { actual }),
      AND: [
        predicted === undefined ? {} : { predicted },
        wrong === undefined ? {} : wrong ? { NOT: { predicted: { equals: truth } } } : { predicted: { equals: truth } },
      ],
    },
    orderBy: byPlace ? { index: 'asc' } : [{ probability: 'desc' }, { index: 'asc' }],
    skip: byPlace ? 0 : after + 1,
    take: page.limit + 1,
  });
  const numbered = rows.map((row, i) => ({ row, at: byPlace ? row.index : after + 1 + i }));
  return pageOf(
    numbered,
    page.limit,
    ({ at }) => at,
    ({ row: { modelId: _, projectId: __, ...row } }) => ({ ...row, split: row.split as Split }),
  );
}
