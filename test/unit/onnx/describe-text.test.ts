import { expect, it, describe as suite } from 'vitest';
import { type BaseDescription, describe, type Model } from '../../../src/onnx/index.js';
import { composeModel } from '../../../src/tasks/text-classification/compose.js';
import { smallBert } from '../../support/bert.js';
import { measure } from '../../support/onnx.js';
import { smallHead } from '../../support/predict.js';

const described = async (model: Model): Promise<BaseDescription> => describe(model, { shapes: await measure(model) });
const cutsOf = (d: BaseDescription) => d.cuts.map(({ tensor, kind, features }) => [tensor, kind, features]);

suite('describe: encoders of texts with a classifier', () => {
  for (const [head, nodes] of [
    ['bert', 4],
    ['roberta', 6],
    ['distilbert', 4],
  ] as const)
    it(`of the form of ${head} are cut at the last hidden state, their head found and left away`, async () => {
      const model = smallBert({ classes: 3, types: true, head });
      const d = await described(model);
      expect(d.tasks).toEqual(['text-classification']);
      expect(d.cuts.filter((cut) => cut.default).map((cut) => cut.tensor)).toEqual(['last_hidden_state']);
      expect(cutsOf(d)).toEqual(
        expect.arrayContaining([
          ['last_hidden_state', 'tokens', 8],
          ['pooled', 'hidden', 8],
          ['logits', 'logits', 3],
        ]),
      );
      expect(d.readsFirstToken).toBe(true);
      expect(d.classifier).toMatchObject({ found: true, classes: 3 });
      expect(d.classifier?.removedNodes).toHaveLength(nodes);
      expect(d.training.supported).toBe(true);
    });

  it('with nothing between the first token and the classifier', async () => {
    const d = await described(smallBert({ classes: 3 }));
    expect(d).toMatchObject({ tasks: ['text-classification'], readsFirstToken: true, classifier: { classes: 3 } });
    expect(d.cuts[0]).toEqual({ tensor: 'last_hidden_state', kind: 'tokens', features: 8, default: true });
  });

  const forms = { mean: false, max: false, cls: true } as const;
  for (const pooling of ['mean', 'max', 'cls'] as const)
    for (const mask of [true, false])
      it(`made here, pooled by ${pooling} inside, ${mask ? 'with' : 'without'} a mask`, async () => {
        const inputs = { ids: 'input_ids', mask: mask ? 'attention_mask' : null, types: null };
        const text = { inputs, maxLength: 16, padId: 0, vocabulary: 40, pooling };
        const options = { cut: 'last_hidden_state', labels: ['no', 'yes', 'maybe'], text };
        const d = await described(composeModel(smallBert({ mask }), smallHead(1, 3), options));
        expect(d).toMatchObject({ tasks: ['text-classification'], readsFirstToken: forms[pooling] });
        expect(d.cuts[0]).toEqual({ tensor: 'last_hidden_state', kind: 'tokens', features: 8, default: true });
        expect(d.cuts.filter((cut) => cut.default)).toHaveLength(1);
      });

  it('but not without: the encoder alone ends in its last hidden state', async () => {
    const d = await described(smallBert({ types: true }));
    expect(d).toMatchObject({ tasks: ['text-classification'], readsFirstToken: false, classifier: null });
    expect(cutsOf(d)).toEqual([['last_hidden_state', 'tokens', 8]]);
  });
});
