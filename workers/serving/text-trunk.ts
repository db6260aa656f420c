import { InferenceSession, type Tensor } from 'onnxruntime-node';
import { decodeModel, decodeTensors, encodeModel } from '../../src/onnx/index.js';
import { textTrunk as composed } from '../../src/tasks/text-classification/compose.js';
import { lengthBatches, textFeeds, tokenTexts } from '../data/text/batches.js';
import { openTokenizer, type TextTokenizer } from '../data/text/tokenizer.js';
import type { TokenizerFiles } from '../data/text/tokenizer-files.js';
import { tensorOf } from '../executors/onnxruntime.js';
import type { EngineSpec, TrunkInput } from './engine-messages.js';
import { type LoadedTrunk, SPINNING_OFF } from './loaded-trunk.js';

/** Texts of one run: enough of about one length to go through the model together, few enough not to keep others waiting. */
const BATCH = 64;
/** What a pass of a small encoder takes, and the tokenizer's tables, roughly. */
const WORKING_BYTES = 64 * 1024 * 1024;

/** Far more characters than texts have for a token. */
const CHARACTERS_A_TOKEN = 40;

/**
 * What `encode` gives, without reading a text of a megabyte to its end, which takes a second: its beginning up to a space, where
 * that fills the `most` tokens. Words are tokenized each by itself, so what follows them changes nothing.
 */
function startOf(tokenizer: TextTokenizer, text: string, most: number): { ids: readonly number[]; cut: boolean } {
  const enough = most * CHARACTERS_A_TOKEN;
  const space = text.length > enough ? text.lastIndexOf(' ', enough) : -1;
  const start = space > 0 ? tokenizer.encode(text.slice(0, space), most) : null;
  return start?.cut ? start : tokenizer.encode(text, most);
}

/**
 * A trunk for texts: tokenized in this thread (some 50 microseconds a short sentence, beside milliseconds in the model), and run
 * in batches of texts of about one length, each padded by itself as it was in training.
 */
export async function textTrunk(
  spec: EngineSpec,
  { text, tokenizer: files }: Extract<TrunkInput, { kind: 'text' }>,
): Promise<LoadedTrunk> {
  const tokenizer = openTokenizer(JSON.parse(Buffer.from(files).toString()) as TokenizerFiles);
  const changed = spec.changed === null ? null : decodeTensors(spec.changed);
  const { graph, ...rest } = composed(decodeModel(spec.base), spec.cut, text, changed);
  const file = Buffer.concat(encodeModel({ ...rest, graph }));
  const session = await InferenceSession.create(file, { intraOpNumThreads: spec.threads, extra: SPINNING_OFF });
  const [output] = session.outputNames as [string];
  const stated = graph.inputs[0]?.shape?.[1];
  const fixedLength = typeof stated === 'number' ? stated : null;
  const most = Math.min(text.maxLength, fixedLength ?? Number.POSITIVE_INFINITY);

  async function passed(texts: Parameters<typeof textFeeds>[2], batch: Parameters<typeof textFeeds>[3]) {
    const sized = fixedLength === null ? batch : { ...batch, length: fixedLength };
    const feeds = Object.entries(textFeeds(graph.inputs, text, texts, sized));
    const tensors = Object.fromEntries(feeds.map(([name, fed]) => [name, tensorOf(fed)]));
    return (await session.run(tensors, [output]))[output] as Tensor;
  }

  return {
    batch: BATCH,
    pixels: null,
    bytes: 2 * file.byteLength + WORKING_BYTES,
    async features({ texts = [] }) {
      const rows = texts.map((one) => startOf(tokenizer, one, most));
      const tokens = tokenTexts(rows.map(({ ids }) => ids));
      let data = new Float32Array(0);
      let width = 0;
      for (const batch of lengthBatches(tokens.starts, most)) {
        const features = await passed(tokens, batch);
        const values = features.data as Float32Array;
        if (width === 0) {
          width = values.length / batch.rows.length;
          data = new Float32Array(rows.length * width);
        }
        batch.rows.forEach((row, i) => {
          data.set(values.subarray(i * width, (i + 1) * width), row * width);
        });
      }
      return { data, width, truncated: rows.map(({ cut }) => cut) };
    },
    release: () => session.release(),
  };
}
