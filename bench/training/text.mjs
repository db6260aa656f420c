// Steps of a text encoder in a process of its own: node text.mjs <base.onnx> <batch> <steps> <length>
// Mean of the tokens, a head of ten classes, cross-entropy, AdamW, gradients clipped; every float tensor of the base is trained.
// Prints one JSON line, as step.mjs does.
import { readFileSync } from 'node:fs';
import { decodeModel } from '../../dist/src/onnx/index.js';
import { textTrunk } from '../../dist/src/tasks/text-classification/compose.js';
import { trainedLayers } from '../../dist/workers/training/fine-tune/trained.js';
import { engine } from './engine.mjs';
import { timed } from './timed.mjs';

const [file, size, steps, words] = process.argv.slice(2);
const [batch, length] = [Number(size), Number(words)];
const base = decodeModel(readFileSync(file));
const name = [...base.graph.initializers.keys()].find((n) => /word_embeddings/.test(n));
const [vocabulary, width] = base.graph.initializers.get(name).dims;
const inputs = { ids: 'input_ids', mask: 'attention_mask', types: 'token_type_ids' };
const text = { inputs, maxLength: length, padId: 0, vocabulary, pooling: 'mean' };
const trunk = textTrunk(base, base.graph.outputs[0].name, text);
const { parameters } = trainedLayers(trunk, 'all');
await timed(await engine(), { trunk, width, parameters, batch, tokens: { text, length } }, Number(steps), () =>
  Int32Array.from({ length: batch * length }, (_, i) => (i * 7919) % vocabulary),
);
