import type { Model } from '../api/client.js';

/** A lineage in words, the nearest step first: which method, on which data, from which base. */
export function lineageLines(lineage: Model['lineage']): readonly string[] {
  return lineage.map(({ model, name, job, method, dataset, base }) => {
    const layers =
      method.layers === undefined ? '' : ` of ${method.layers === 'all' ? 'all' : `the last ${method.layers}`} layers`;
    const made = `${name === null ? '' : `${name}, `}${model}: ${method.type}${layers} (${job})`;
    return `from ${made} on ${dataset.name} (${dataset.id}, revision ${dataset.revision}) from base ${base.name} (${base.id})`;
  });
}
