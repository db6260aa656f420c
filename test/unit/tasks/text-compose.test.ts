import { describe, expect, it } from 'vitest';
import type { TextInput } from '../../../src/domain/types.js';
import { decodeModel, encodeModel, linearHead, type Model, withInitializers } from '../../../src/onnx/index.js';
import { composeExport, textTrunk } from '../../../src/tasks/text-classification/compose.js';
import { type SmallBert, smallBert } from '../../support/bert.js';
import { hasData, readData, readModel, run, type Value } from '../../support/onnx.js';

const TEXT: TextInput = {
  inputs: { ids: 'input_ids', mask: 'attention_mask', types: null },
  maxLength: 16,
  padId: 0,
  vocabulary: 40,
  pooling: 'mean',
};
const CUT = 'last_hidden_state';

/** Texts as token ids, padded with zeros to the longest or to `length`. */
function feeds(model: Model, texts: readonly (readonly number[])[], length?: number): Record<string, Value> {
  const L = length ?? Math.max(...texts.map((t) => t.length));
  const flat = (of: (t: readonly number[], i: number) => number) =>
    texts.flatMap((t) => Array.from({ length: L }, (_, i) => of(t, i)));
  const of: Record<string, readonly number[]> = {
    input_ids: flat((t, i) => t[i] ?? 0),
    attention_mask: flat((t, i) => (i < t.length ? 1 : 0)),
    token_type_ids: flat(() => 0),
  };
  return Object.fromEntries(
    model.graph.inputs.map(({ name, dataType }) => {
      const data = dataType === 'int64' ? BigInt64Array.from(of[name]!, BigInt) : Int32Array.from(of[name]!);
      return [name, { dataType: dataType as 'int64', dims: [texts.length, L], data }];
    }),
  );
}
const rowsOf = (value: Value, width: number): number[][] =>
  Array.from({ length: value.data.length / width }, (_, i) =>
    Array.from((value.data as Float32Array).subarray(i * width, (i + 1) * width)),
  );
async function features(trunk: Model, texts: readonly (readonly number[])[], length?: number): Promise<number[][]> {
  const [output] = trunk.graph.outputs;
  const value = (await run(trunk, feeds(trunk, texts, length)))[output!.name]!;
  expect(value.dims[0]).toBe(texts.length);
  return rowsOf(value, value.dims[1]!);
}
const close = (got: readonly number[], wanted: readonly number[]) => {
  expect(got.length).toBe(wanted.length);
  for (const [i, x] of got.entries()) expect(x).toBeCloseTo(wanted[i]!, 5);
};

const TEXTS = [
  [2, 5, 7, 9, 3],
  [2, 30, 3],
  [2, 11, 12, 13, 14, 15, 16, 3],
  [2, 3],
];
const POOLS: Record<TextInput['pooling'], (column: readonly number[]) => number> = {
  mean: (column) => column.reduce((a, b) => a + b, 0) / column.length,
  cls: (column) => column[0]!,
  max: (column) => Math.max(...column),
};

describe('the trunk of a text base', () => {
  it.each([
    ['opset 13, int64, mask', {}],
    ['opset 11, int32, mask and types', { opset: 11, idsType: 'int32', types: true }],
    ['opset 18, int64', { opset: 18 }],
    ['opset 13, fixed to one text', { batch: 1 }],
  ] as const)('pools the vectors of a text alone as those of the text among longer ones: %s', async (_, form: SmallBert) => {
    const base = smallBert(form);
    for (const [pooling, pool] of Object.entries(POOLS)) {
      const trunk = textTrunk(base, CUT, { ...TEXT, pooling: pooling as 'mean' });
      expect(trunk.graph.inputs.every((v) => v.shape?.join() === 'N,L')).toBe(true);
      expect(trunk.graph.outputs).toMatchObject([{ dataType: 'float32' }]);
      const together = await features(trunk, TEXTS, 12);
      for (const [i, ids] of TEXTS.entries()) {
        const hidden = rowsOf((await run(base, feeds(base, [ids])))[CUT]!, 8);
        close(
          together[i]!,
          hidden[0]!.map((__, c) => pool(hidden.map((row) => row[c]!))),
        );
      }
    }
  });

  it('leaves padding out by its id where the base takes no mask', async () => {
    const base = smallBert({ mask: false });
    const text: TextInput = { ...TEXT, inputs: { ...TEXT.inputs, mask: null }, padId: 0 };
    for (const [pooling, pool] of Object.entries(POOLS)) {
      const [row] = await features(textTrunk(base, CUT, { ...text, pooling: pooling as 'max' }), [[2, 5, 3]], 6);
      const hidden = rowsOf((await run(base, feeds(base, [[2, 5, 3, 0, 0, 0]])))[CUT]!, 8).slice(0, 3);
      close(
        row!,
        hidden[0]!.map((_, c) => pool(hidden.map((one) => one[c]!))),
      );
    }
  });

  it('reads the mask even where the cut lies below all that does', async () => {
    const trunk = textTrunk(smallBert(), smallBert().graph.nodes[0]!.outputs[0]!, TEXT);
    expect(trunk.graph.inputs.map((v) => v.name)).toEqual(['input_ids', 'attention_mask']);
    const [alone] = await features(trunk, [TEXTS[1]!]);
    close((await features(trunk, TEXTS))[1]!, alone!);
  });

  it('has lost the classification head, and the values that training changed', async () => {
    const [plain, classifier] = [smallBert(), smallBert({ classes: 3 })];
    const trunk = textTrunk(classifier, CUT, TEXT);
    expect([...trunk.graph.initializers.keys()].some((name) => name.startsWith('classifier'))).toBe(false);
    const wanted = await features(textTrunk(plain, CUT, TEXT), TEXTS);
    expect(await features(trunk, TEXTS)).toEqual(wanted);
    const other = smallBert({ seed: 9 }).graph.initializers;
    const changed = new Map([['dense', other.get('dense')!]]);
    const tuned = textTrunk(plain, CUT, TEXT, changed);
    expect(await features(tuned, TEXTS)).toEqual(
      await features(textTrunk(withInitializers(plain, changed), CUT, TEXT), TEXTS),
    );
  });

  it('says which input a cut must depend on', () => {
    expect(() => textTrunk(smallBert(), CUT, { ...TEXT, inputs: { ...TEXT.inputs, ids: 'tokens' } })).toThrow(
      "does not read its token ids ('tokens')",
    );
  });
});

describe('the exported file of a text model', () => {
  const file = (model: Model) => Buffer.concat(encodeModel(model));
  const weight = Float32Array.from({ length: 16 }, (_, i) => Math.sin(i));
  const bias = Float32Array.of(0.25, -0.5);
  const head = file(linearHead({ features: 8, classes: 2, opset: 13, probabilities: true, weight, bias }));
  const options = { cut: CUT, labels: ['no', 'yes'], text: TEXT, metadata: { 'graft.model': 'mdl_1' } };

  it('is the whole graph from ids to probabilities and logits, and says how texts are prepared', async () => {
    const chunks = Buffer.concat(composeExport(file(smallBert()), head, options));
    const whole = decodeModel(chunks);
    expect(whole.graph.outputs.map((v) => v.name)).toEqual(['probabilities', 'logits']);
    expect(JSON.parse(whole.metadata.get('text')!)).toEqual(TEXT);
    expect(whole.metadata.get('task')).toBe('text-classification');
    expect(JSON.parse(whole.metadata.get('labels')!)).toEqual(['no', 'yes']);
    const out = await run(chunks, feeds(whole, TEXTS));
    const rows = await features(textTrunk(smallBert(), CUT, TEXT), TEXTS);
    const logits = rows.map((row) => [0, 1].map((k) => row.reduce((s, x, i) => s + x * weight[k * 8 + i]!, bias[k]!)));
    for (const [i, row] of rowsOf(out.logits!, 2).entries()) close(row, logits[i]!);
    for (const [p, q] of rowsOf(out.probabilities!, 2)) expect(p! + q!).toBeCloseTo(1, 5);
  });

  it('has the same bytes however the database ordered its settings', () => {
    const { inputs, maxLength, padId, vocabulary, pooling } = TEXT;
    const { ids, mask, types } = inputs;
    const text = { vocabulary, pooling, inputs: { types, mask, ids }, padId, maxLength };
    const base = file(smallBert());
    const bytes = (given: TextInput) => Buffer.concat(composeExport(base, head, { ...options, text: given }));
    expect(bytes(text).equals(bytes(TEXT))).toBe(true);
  });
});

const MINILM = 'models/minilm-l6-v2/onnx/model.onnx';
describe.runIf(hasData(MINILM))('MiniLM', () => {
  const text: TextInput = {
    inputs: { ids: 'input_ids', mask: 'attention_mask', types: 'token_type_ids' },
    ...{ maxLength: 512, padId: 0, vocabulary: 30522, pooling: 'mean' },
  };

  it('gives the mean of its tokens, whatever stands beside a text', async () => {
    const base = readModel(MINILM);
    const trunk = textTrunk(base, CUT, text);
    const texts = [
      [101, 2023, 2003, 1037, 2204, 3185, 102],
      [101, 2919, 102],
    ];
    const rows = await features(trunk, texts, 16);
    for (const [i, ids] of texts.entries()) {
      const hidden = rowsOf((await run(readData(MINILM), feeds(base, [ids])))[CUT]!, 384);
      const mean = hidden[0]!.map((_, c) => hidden.reduce((s, row) => s + row[c]!, 0) / hidden.length);
      close(rows[i]!, mean);
    }
  });
});
