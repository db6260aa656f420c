import { open, readFile } from 'node:fs/promises';
import type { Preprocessing } from '../../src/domain/types.js';
import type { ValueInfo } from '../../src/onnx/index.js';
import { channelsOf } from '../../src/tasks/image-classification/pixel-input.js';
import { pooledWindows } from '../../src/tasks/text-classification/window-scores.js';
import { readExample } from '../data/read-example.js';
import { textFeeds, tokenTexts } from '../data/text/batches.js';
import { openTokenizer } from '../data/text/tokenizer.js';
import type { TokenizerFiles } from '../data/text/tokenizer-files.js';
import { type RowRule, rowOf, spansOf } from '../data/text/windows.js';
import type { Feeds, HostTensor } from '../executors/executor.js';
import type { PictureRunInput, RunExample, RunSpec, TextRunInput } from './messages.js';
import { packReader } from './picture-features.js';

/** What the exported file takes for one example alone, once or for each of its windows. */
export interface Golden {
  readonly feeds: readonly Feeds[];
  /** The example's probabilities, from those of the feeds. */
  pooled(probabilities: readonly Float32Array[]): Float32Array;
}

/** The examples prepared from the pack's bytes as a stranger would. */
export function goldenFeeds(
  { input, packPath }: Pick<RunSpec, 'input' | 'packPath'>,
  inputs: readonly ValueInfo[],
  examples: readonly RunExample[],
): Promise<readonly Golden[]> {
  return input.kind === 'text'
    ? goldenTexts(input, packPath, inputs, examples)
    : goldenPictures(input, packPath, inputs, examples);
}

async function goldenPictures(
  { preprocessing }: PictureRunInput,
  packPath: string,
  [fed]: readonly ValueInfo[],
  examples: readonly RunExample[],
): Promise<readonly Golden[]> {
  const stated = fed?.shape?.[0];
  const copies = typeof stated === 'number' ? stated : 1;
  const { crop, layout } = preprocessing;
  const channels = channelsOf(preprocessing);
  const dims = layout === 'NCHW' ? [copies, channels, crop, crop] : [copies, crop, crop, channels];
  const pack = await open(packPath, 'r');
  try {
    const pictures = await Promise.all(examples.map(packReader(pack, preprocessing)));
    return pictures.map((pixels) => {
      const one = normalised(pixels, preprocessing);
      const data = new Float32Array(one.length * copies);
      for (let copy = 0; copy < copies; copy++) data.set(one, copy * one.length);
      const feed: HostTensor =
        fed?.dataType === 'uint8'
          ? { dataType: 'uint8', dims, data: Uint8Array.from(data) }
          : { dataType: 'float32', dims, data };
      return { feeds: [{ [fed?.name ?? '']: feed }], pooled: ([only]) => only! };
    });
  } finally {
    await pack.close();
  }
}

/** Pixels as the exported model takes them: a formula of its own, so that the graph's is checked against something. */
function normalised(pixels: Uint8Array, p: Preprocessing): Float32Array {
  const channels = channelsOf(p);
  const area = p.crop * p.crop;
  const out = new Float32Array(area * channels);
  for (let c = 0; c < channels; c++) {
    const from = p.channels === 'BGR' ? channels - 1 - c : c;
    const mean = p.mean[c] ?? p.mean.at(-1) ?? 0;
    const std = p.std[c] ?? p.std.at(-1) ?? 1;
    for (let i = 0; i < area; i++) {
      const value = (pixels[i * channels + from]! * p.scale - mean) / std;
      out[p.layout === 'NCHW' ? c * area + i : i * channels + c] = value;
    }
  }
  return out;
}

/** Without padding, which the trainer's batches have: the mask is checked too. */
async function goldenTexts(
  { text, tokenizer: files }: TextRunInput,
  packPath: string,
  inputs: readonly ValueInfo[],
  examples: readonly RunExample[],
): Promise<readonly Golden[]> {
  const tokenizer = openTokenizer(JSON.parse(await readFile(files.path, 'utf8')) as TokenizerFiles);
  const { specials } = tokenizer;
  const fixed = inputs[0]?.shape?.[1];
  const most = typeof fixed === 'number' ? Math.min(fixed, text.maxLength) : text.maxLength;
  const rule: RowRule = { specials, most, ...(text.windows && { windows: text.windows }) };
  const pack = await open(packPath, 'r');
  try {
    const found: Golden[] = [];
    for (const example of examples) {
      const ids = tokenizer.plain((await readExample(pack, example)).toString('utf8'));
      const rows = spansOf(ids.length, rule).spans.map(({ from, to }) => rowOf(specials, ids.slice(from, to)));
      const feeds = rows.map((row) => {
        const length = typeof fixed === 'number' ? fixed : row.length;
        return textFeeds(inputs, text, tokenTexts([row]), { rows: [0], length });
      });
      const tokens = rows.map((row) => row.length);
      found.push({ feeds, pooled: (probabilities) => pooledWindows(probabilities, tokens) });
    }
    return found;
  } finally {
    await pack.close();
  }
}
