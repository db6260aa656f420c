import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { Preprocessing } from '../../../src/domain/types.js';
import { decodeModel, decodeTensors, graft } from '../../../src/onnx/index.js';
import { fillRecipe } from '../../../src/services/export-recipe.js';
import { pixelTrunk } from '../../../src/tasks/image-classification/compose.js';
import { fileOf } from '../../support/predict.js';

/**
 * Models as version 0.1.0 published them, bytes in base64, with what they said of pixels `(i * 37 + (i >> 5)) & 255`.
 * The file is never written anew: a version that fails here breaks models that people have. Add models of newer versions.
 */
interface Published {
  readonly what: string;
  readonly base: string;
  readonly head: string;
  readonly changed: string | null;
  readonly recipe: string;
  readonly exportDigest: string;
  readonly cut: string;
  readonly preprocessing: Preprocessing;
  readonly probabilities: readonly number[];
}
const FILE = join(import.meta.dirname, '../../fixtures/published-0.1.0.json');
const published = JSON.parse(readFileSync(FILE, 'utf8')) as readonly Published[];
const bytes = (text: string | null): Uint8Array | null => (text === null ? null : Buffer.from(text, 'base64'));
const pixels = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * 37 + (i >> 5)) & 255);

describe.each(published)('a model of an earlier version: $what', (model) => {
  const { base, head, changed, recipe } = {
    base: bytes(model.base)!,
    head: bytes(model.head)!,
    changed: bytes(model.changed),
    recipe: bytes(model.recipe)!,
  };

  it('is downloaded as the file of its certificate', () => {
    const hash = createHash('sha256');
    for (const chunk of fillRecipe(recipe, { base, head, changed })) hash.update(chunk);
    expect(`sha256:${hash.digest('hex')}`).toBe(model.exportDigest);
  });

  it('is served with the predictions that it was published with', async () => {
    const { preprocessing } = model;
    const trunk = pixelTrunk(decodeModel(base), model.cut, preprocessing, changed && decodeTensors(changed));
    const whole = graft(trunk, decodeModel(head), { from: trunk.graph.outputs[0]!.name, to: 'features' });
    const session = await InferenceSession.create(fileOf(whole));
    const dims = [1, preprocessing.crop, preprocessing.crop, 3];
    const input = new Tensor('uint8', pixels(dims.reduce((n, d) => n * d, 1)), dims);
    const { probabilities } = await session.run({ [session.inputNames[0]!]: input }, ['probabilities']);
    await session.release();
    const got = Array.from(probabilities!.data as Float32Array);
    expect(got.length).toBe(model.probabilities.length);
    for (const [i, probability] of got.entries()) expect(probability).toBeCloseTo(model.probabilities[i]!, 5);
  });
});
