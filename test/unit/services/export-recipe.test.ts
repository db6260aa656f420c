import { describe, expect, it } from 'vitest';
import { encodeModel, encodeTensors, graphBuilder, inFloat32, type Tensor, tensor } from '../../../src/onnx/index.js';
import { fillRecipe, recipeOf } from '../../../src/services/export-recipe.js';
import { composeExport } from '../../../src/tasks/image-classification/compose.js';
import { FEATURES, fileOf, PREPROCESSING, smallBase, smallHead } from '../../support/predict.js';

const OPTIONS = { cut: 'features', labels: ['a', 'b'], preprocessing: PREPROCESSING };
/** Every pattern of 16 bits: infinities, NaNs and subnormal numbers too. */
const HALVES = new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, i) => i).buffer);
const whole = (chunks: readonly Uint8Array[]) => Buffer.concat(chunks);
/** At an odd place of a larger buffer, as a file read in parts may lie. */
function placed(bytes: Uint8Array): Uint8Array {
  const larger = new Uint8Array(bytes.length + 13);
  larger.set(bytes, 7);
  return larger.subarray(7, 7 + bytes.length);
}

describe('the recipe of an exported model', () => {
  const ballast = 40_000;
  const sources = {
    base: placed(fileOf(smallBase(1, ballast))),
    head: placed(fileOf(smallHead(2, 2))),
    changed: null,
  };

  it('gives the same bytes, also from other copies of its sources, and holds no large tensor', () => {
    const chunks = composeExport(sources.base, sources.head, OPTIONS);
    const recipe = recipeOf(chunks, sources);
    const others = { base: sources.base.slice(), head: sources.head.slice(), changed: null };
    expect(whole(fillRecipe(recipe, others)).equals(whole(chunks))).toBe(true);
    expect(recipe.length).toBeLessThan(4_000);
    expect(whole(chunks).length).toBeGreaterThan(4 * ballast);
  });

  it('takes changed tensors from their file', () => {
    const up: Tensor = tensor('', 'float32', [FEATURES, ballast / FEATURES / 2], 0.5);
    const changed = placed(whole(encodeTensors(new Map([['up', up]]))));
    const chunks = composeExport(sources.base, sources.head, OPTIONS, changed);
    const recipe = recipeOf(chunks, { ...sources, changed });
    expect(recipe.length).toBeLessThan(4_000);
    expect(whole(fillRecipe(recipe, { ...sources, changed })).equals(whole(chunks))).toBe(true);
    expect(() => fillRecipe(recipe, sources)).toThrow(/of changed, which has none/);
  });

  it('widens half precision as the composing code does, whatever the bits', () => {
    const b = graphBuilder({ opset: 13 });
    const table = b.initializer('table', { name: '', dataType: 'float16', dims: [65_536], data: HALVES });
    b.output(b.op('Identity', [table]), 'float16', [65_536]);
    const base = whole(encodeModel(b.model()));
    const { initializers } = inFloat32(b.model()).graph;
    const single = initializers.get('table')!.data;
    const recipe = recipeOf([single], { base, head: null, changed: null });
    expect(recipe.length).toBeLessThan(200);
    expect(whole(fillRecipe(recipe, { base, head: null, changed: null })).equals(single)).toBe(true);
  });

  it('says so when a source is not the one it was made from, or its format is not known', () => {
    const recipe = Buffer.from(recipeOf(composeExport(sources.base, sources.head, OPTIONS), sources));
    expect(() => fillRecipe(recipe, { ...sources, base: sources.base.subarray(0, 5_000) })).toThrow(
      /of base, which has 5000/,
    );
    expect(() => fillRecipe(recipe.subarray(0, recipe.length - 10), sources)).toThrow(/its literals/);
    const later = Buffer.from(recipe.toString('latin1').replace('graft-recipe/1', 'graft-recipe/2'), 'latin1');
    expect(() => fillRecipe(later, sources)).toThrow(/graft-recipe\/2/);
  });
});
