import { describe, it } from 'vitest';
import type { Precision, TextInput } from '../../../src/domain/types.js';
import { textTrunk } from '../../../src/tasks/text-classification/compose.js';
import type { Executor } from '../../../workers/executors/executor.js';
import { wordTables } from '../../../workers/training/fine-tune/embeddings.js';
import { type TuneGraphs, tuneGraphs } from '../../../workers/training/fine-tune/graphs.js';
import { PADDING } from '../../../workers/training/fine-tune/pass-input.js';
import { trainedLayers } from '../../../workers/training/fine-tune/trained.js';
import { tuner } from '../../../workers/training/fine-tune/trainer.js';
import { expectAgreement, expectHandedOver, expectMixed, type Trial, turns } from '../../support/agreement.js';
import { network } from '../../support/networks.js';
import { random } from '../../support/onnx.js';
import { TENSORFLOW } from '../../support/tensorflow.js';
import { PLAIN } from '../../support/tuning.js';

/** BERT of two layers, transformers' and Keras' as tf2onnx converts it, its words learned or not, at two lengths over one state. */
const [CLASSES, BATCH, WIDTH, VOCABULARY] = [3, 6, 32, 50];
const LENGTHS = [16, 8] as const;
const TEXT: TextInput = {
  inputs: { ids: 'input_ids', mask: 'attention_mask', types: 'token_type_ids' },
  maxLength: 24,
  padId: 0,
  vocabulary: VOCABULARY,
  pooling: 'mean',
};

/** Rows of tokens, the last ones shorter; longer and shorter batches in turn. */
function rows(step: number): Int32Array {
  const next = random(step % 4);
  const length = LENGTHS[step % 2]!;
  const data = new Int32Array(BATCH * length).fill(PADDING);
  for (let row = 0; row < BATCH; row++)
    for (let i = 0; i < length - row; i++) data[row * length + i] = 1 + Math.floor((VOCABULARY - 1) * next());
  return data;
}

interface Case {
  readonly file: string;
  readonly cut: string;
  readonly words: 'trained' | 'frozen';
}
/** `learns`: on one batch again and again, in this precision. */
function trialOf({ file, cut, words }: Case, learns: Precision | null = null): Trial {
  const made = new Map<string, Promise<TuneGraphs>>();
  const graphs = async (executor: Executor, length: number) => {
    const own = textTrunk((await network(file)).model, cut, TEXT);
    const frozen = words === 'frozen' ? wordTables(own, TEXT.inputs.ids) : new Set<string>();
    const next = random(3);
    const weight = Float32Array.from({ length: CLASSES * WIDTH }, () => (next() - 0.5) / 5);
    const { parameters } = trainedLayers(own, 'all');
    const tuned = await tuneGraphs(executor, {
      ...PLAIN,
      trunk: own,
      tokens: { text: TEXT, length },
      dropout: { rate: 0.1, layers: 0.1, seed: 5 },
      classes: CLASSES,
      head: { weight, bias: new Float32Array(CLASSES) },
      parameters: parameters.filter(({ name }) => !frozen.has(name)).map((p) => ({ ...p, rate: 1 })),
      batch: BATCH,
      keepFrozen: false,
    });
    return { ...tuned, precision: learns ?? 'float32' };
  };
  const begin = async (executor: Executor) => {
    const at = (length: number) => {
      const key = `${executor.engine.executor} ${length}`;
      if (!made.has(key)) made.set(key, graphs(executor, length));
      return made.get(key)!;
    };
    const net = await tuner(executor, await at(LENGTHS[0]), at);
    const of = (step: number) => (learns === null ? step : 0);
    return { net, batch: (step: number) => ({ data: rows(of(step)), targets: turns(BATCH, CLASSES, of(step)) }) };
  };
  return { name: file, rate: learns === null ? 2e-4 : 2e-3, begin };
}

describe.runIf(TENSORFLOW !== null)('an encoder of texts on both engines', () => {
  it.each<Case>([
    { file: 'bert', cut: 'last_hidden_state', words: 'trained' },
    { file: 'keras_bert', cut: 'output_0', words: 'frozen' },
  ])('$file, words $words: the same losses and weights, and a run goes on on the other from its checkpoint', async (o) => {
    const trial = trialOf(o);
    await expectAgreement(trial);
    await expectHandedOver(trial);
  });

  it('mixed precision learns as float32 does', async () => {
    const bert = { file: 'bert', cut: 'last_hidden_state', words: 'trained' } as const;
    await expectMixed(trialOf(bert, 'mixed'), trialOf(bert, 'float32'), 0.03);
  });
});
