import { createHash } from 'node:crypto';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificate, Engine } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import { decodeModel } from '../../src/onnx/index.js';
import { fillRecipe, recipeOf } from '../../src/services/export-recipe.js';
import { composeExport, exportOptions } from '../../src/tasks/export.js';
import type { Executor } from '../executors/executor.js';
import { goldenFeeds } from './golden.js';
import { inputFields } from './input.js';
import type { RunExample, RunSpec } from './messages.js';

/** Largest difference of any probability that still counts as the same prediction. */
export const TOLERANCE = 1e-4;
/** Examples on which the exported file must agree. */
export const GOLDEN = 4;

/** Evenly spread over the list, so that every class of a sorted one has a chance. */
export const goldenRows = (n: number): readonly number[] => {
  const count = Math.min(GOLDEN, n);
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * n) / count));
};

/**
 * Writes the whole model as a file, by a recipe that is kept, loads the file afresh and compares what it says of examples, taken from the pack
 * and prepared anew, with what the trainer said (`expected`, rows of probabilities). Throws `parity-failed` when any
 * probability differs by more than the tolerance.
 */
export async function certify(
  { trainer, verifier }: { readonly trainer: Engine; readonly verifier: Executor },
  spec: RunSpec,
  o: {
    readonly labels: readonly string[];
    readonly base: Uint8Array;
    readonly head: Uint8Array;
    readonly changed: Uint8Array | null;
    readonly golden: readonly { readonly example: RunExample; readonly expected: Float32Array }[];
    readonly verifiedAt: string;
  },
): Promise<{ certificate: Certificate; export: { bytes: number; digest: string }; recipe: Uint8Array }> {
  const options = exportOptions({ ...spec, ...spec.model, ...inputFields(spec.input), labels: o.labels });
  const path = join(spec.outDir, 'model.onnx');
  await mkdir(spec.outDir, { recursive: true });
  const hash = createHash('sha256');
  let bytes = 0;
  const sources = { base: o.base, head: o.head, changed: o.changed };
  const recipe = recipeOf(composeExport(o.base, o.head, options, o.changed), sources);
  const file = await open(path, 'w', 0o600);
  try {
    // What is certified is what downloads will be: the recipe followed, not what it was made from.
    for (const chunk of fillRecipe(recipe, sources)) {
      hash.update(chunk);
      bytes += chunk.length;
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
    }
  } finally {
    await file.close();
  }
  const digest = `sha256:${hash.digest('hex')}`;
  const maxDifference = await compare(verifier, spec, path, o.golden);
  const certificate: Certificate = {
    inputs: o.golden.map(({ example }) => ({ path: example.path, digest: example.digest })),
    maxDifference,
    tolerance: TOLERANCE,
    exportDigest: digest,
    engines: { trainer, verifier: verifier.engine },
    verifiedAt: o.verifiedAt,
  };
  // Not `>`: a difference that is no number must fail too.
  if (!(maxDifference <= TOLERANCE))
    throw new GraftError(
      'parity-failed',
      `The exported model's probabilities differ from the trainer's by ${maxDifference} on ${o.golden.length} examples; at most ${TOLERANCE} is allowed. Nothing was published. The base may compute differently from run to run; choose another base or cut.`,
    );
  return { certificate, export: { bytes, digest }, recipe };
}

async function compare(
  executor: Executor,
  spec: RunSpec,
  path: string,
  golden: readonly { readonly example: RunExample; readonly expected: Float32Array }[],
): Promise<number> {
  const exported = await readFile(path);
  const program = await executor.load(exported);
  let most = 0;
  try {
    const examples = golden.map(({ example }) => example);
    const prepared = await goldenFeeds(spec, decodeModel(exported).graph.inputs, examples);
    for (const [i, { expected }] of golden.entries()) {
      const { feeds, pooled } = prepared[i]!;
      const said: Float32Array[] = [];
      for (const feed of feeds) {
        const { probabilities } = await program.run(feed, ['probabilities']);
        // Of a file for a fixed number of examples, the first.
        said.push((probabilities!.data as Float32Array).slice(0, expected.length));
      }
      const got = pooled(said);
      for (let c = 0; c < expected.length; c++) {
        const difference = Math.abs(got[c]! - expected[c]!);
        most = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(most, difference);
      }
    }
  } finally {
    await program.dispose();
  }
  return most;
}

/** Writes a small file of the model where the parent finds it. */
export async function leave(folder: string, name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await mkdir(folder, { recursive: true });
  await writeFile(path, content, { mode: 0o600 });
  return path;
}
