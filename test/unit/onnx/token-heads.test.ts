import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, it, describe as suite } from 'vitest';
import { decodeModel, describe, type Model } from '../../../src/onnx/index.js';
import { textTrunk } from '../../../src/tasks/text-classification/compose.js';
import { measure } from '../../support/onnx.js';

const FOLDER = join(import.meta.dirname, '../../fixtures/token-heads');
const files = readdirSync(FOLDER).sort();
const modelIn = (file: string): Model => decodeModel(gunzipSync(readFileSync(join(FOLDER, file))));
/** Numbers for each token, by what the name says of the head. */
const OUTPUTS = { mlm: 30, discriminator: 1, tokens: 5, answers: 2 } as const;
/** Hidden size of the encoders; none of the heads above. */
const HIDDEN = 8;

suite('describe: heads over each token, as the exporters write them', () => {
  it('there are fixtures of both exporters', () => {
    expect(files).toHaveLength(18);
  });

  for (const file of files)
    it(`${file.replace('.onnx.gz', '')} is cut at the last hidden state`, async () => {
      const model = modelIn(file);
      const d = describe(model, { shapes: await measure(model) });
      expect(d.tasks).toEqual(['text-classification']);
      expect(d.cuts).toEqual([{ tensor: expect.any(String), kind: 'tokens', features: HIDDEN, default: true }]);
      expect(d).toMatchObject({ classifier: null, readsFirstToken: false, training: { supported: true } });
      const kind = file.replace(/^\w+-(\w+).*/, '$1') as keyof typeof OUTPUTS;
      expect(d.notes.join()).toContain(`${OUTPUTS[kind]} numbers for each token`);

      // What is left ends in the norm of the last block, and has nothing of the head.
      const mask = model.graph.inputs.some((v) => v.name === 'attention_mask') ? 'attention_mask' : null;
      const types = model.graph.inputs.some((v) => v.name === 'token_type_ids') ? 'token_type_ids' : null;
      const inputs = { ids: 'input_ids', mask, types };
      const text = { inputs, maxLength: 16, padId: 0, vocabulary: 30, pooling: 'mean' } as const;
      const trunk = textTrunk(model, d.cuts[0]!.tensor, text);
      const names = [...trunk.graph.initializers.keys()].join(' ');
      // A table of words may bear the name of the decoder that it is tied to.
      expect(names).not.toMatch(
        /transform\.|lm_head\.(dense|layer_norm)|vocab_(transform|layer_norm)|predictions\.dense/,
      );
      expect(names).not.toMatch(/qa_outputs|classifier|predictions\.LayerNorm/);
      expect(names).toMatch(/layer\.1\.(output\.LayerNorm|output_layer_norm)|albert_layers/);
    });
});
