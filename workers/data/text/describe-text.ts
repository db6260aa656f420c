import type { PoolingSource, TextInput } from '../../../src/domain/types.js';
import { GraftError } from '../../../src/errors.js';
import { type Graph, type Model, producers } from '../../../src/onnx/index.js';
import { openTokenizer } from './tokenizer.js';
import type { TokenizerFiles } from './tokenizer-files.js';

export interface TextSettings {
  readonly files: TokenizerFiles;
  /** Parsed config.json of the hub folder, and `1_Pooling/config.json`. */
  readonly config?: unknown;
  readonly poolingConfig?: unknown;
  /** A classifier of its own read the vector of the first token: then that is what the encoder sums a text up in. */
  readonly readsFirstToken?: boolean;
}

/** Texts on which expressions that backtrack without end usually do. */
const TRIALS = ['a'.repeat(5000), `${' '.repeat(5000)}!`, `${'1,'.repeat(2500)}x`, `${"'s".repeat(2500)}"`];
/** Encoders of the first generation end here; taken where no file says how long a text may be. */
const USUAL_LENGTH = 512;

/**
 * How texts are prepared for an encoder that reads token ids: its inputs by name and role, its longest text, its tokenizer, which
 * is opened and held against the embedding. Throws `base-invalid` where they do not fit together.
 */
export function describeText(model: Model, settings: TextSettings): TextInput {
  const { graph } = model;
  const { files, config } = settings;
  const tokenizer = openTokenizer(files);
  // An expression in it that takes for ever shows here, where a process of its own is ended after a while.
  for (const text of TRIALS) tokenizer.encode(text, USUAL_LENGTH);
  const inputs = rolesOf(graph);
  const rows = embeddingRows(graph, inputs.ids);
  if (rows !== null && tokenizer.vocabulary > rows)
    throw new GraftError(
      'base-invalid',
      `The tokenizer gives ids up to ${tokenizer.vocabulary - 1}, but the model's embedding has ${rows} rows. The tokenizer is that of another model; pack the files of one.`,
    );
  const limits = [tokenizer.maxLength, positionsOf(config)].filter((n) => n !== null);
  return {
    inputs,
    maxLength: Math.min(...(limits.length === 0 ? [USUAL_LENGTH] : limits)),
    padId: tokenizer.padId,
    vocabulary: tokenizer.vocabulary,
    pooling: poolingOf(settings),
  };
}

const isIds = (name: string): boolean => /ids|tokens?$/i.test(name) && !/type|segment|position|mask/i.test(name);

function rolesOf(graph: Graph): TextInput['inputs'] {
  const names = graph.inputs.map((v) => v.name);
  const ids = names.find(isIds);
  if (ids === undefined)
    throw new GraftError(
      'base-invalid',
      `No input takes token ids; the inputs are ${names.map((n) => `'${n}'`).join(', ')}.`,
    );
  const mask = names.find((name) => /mask/i.test(name)) ?? null;
  const types = names.find((name) => /type|segment/i.test(name)) ?? null;
  const others = names.filter((name) => name !== ids && name !== mask && name !== types);
  if (others.length > 0)
    throw new GraftError(
      'base-invalid',
      `Besides token ids, mask and token types the model needs ${others.map((n) => `'${n}'`).join(', ')}. Export the encoder without them.`,
    );
  return { ids, mask, types };
}

/** Rows of the table that the ids are looked up in; null where they go through more than renaming before. */
function embeddingRows(graph: Graph, ids: string): number | null {
  const made = producers(graph);
  const comesFrom = (name: string): string => {
    const node = made.get(name);
    return node && /^(Cast|Identity|Reshape|Flatten)$/.test(node.opType) ? comesFrom(node.inputs[0] ?? '') : name;
  };
  for (const node of graph.nodes) {
    if (node.opType !== 'Gather' || comesFrom(node.inputs[1] ?? '') !== ids) continue;
    const rows = graph.initializers.get(comesFrom(node.inputs[0] ?? ''))?.dims[0];
    if (rows !== undefined) return rows;
  }
  return null;
}

/** Positions that the encoder was trained with. RoBERTa and its kin count them from behind the padding id, and so have two less. */
function positionsOf(config: unknown): number | null {
  const { max_position_embeddings: most, model_type: type } = (config ?? {}) as Record<string, unknown>;
  if (typeof most !== 'number' || most < 1) return null;
  return /roberta|camembert|xlm-r/i.test(String(type)) ? most - 2 : most;
}

/** Who says so. Throws nothing; what no file says and no classifier shows is assumed. */
export function poolingSource({ poolingConfig, readsFirstToken = false }: Omit<TextSettings, 'files'>): PoolingSource {
  if (poolingConfig !== undefined) return 'file';
  return readsFirstToken ? 'classifier' : 'assumed';
}

function poolingOf({ poolingConfig, readsFirstToken = false }: TextSettings): TextInput['pooling'] {
  if (poolingConfig === undefined && readsFirstToken) return 'cls';
  const said = (poolingConfig ?? {}) as Record<string, unknown>;
  if (said.pooling_mode_cls_token === true) return 'cls';
  return said.pooling_mode_max_tokens === true ? 'max' : 'mean';
}
