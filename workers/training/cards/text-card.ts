import type { TextInput } from '../../../src/domain/types.js';
import type { TokenReport } from '../messages.js';
import type { CardWords } from './words.js';

/** What a file takes: rows of up to `limit` tokens, all padded to `length` where it is fixed to one. */
interface Rows {
  readonly limit: number;
  readonly length: number | null;
}

/** The text as one row of ids. */
const oneRow = ({ limit }: Rows): string => `tokenizer.enable_truncation(${limit})

[probabilities] = session.run(["probabilities"], feeds(tokenizer.encode(sys.argv[1])))
`;
/** The text in windows, whose logits are averaged by their tokens. */
const inWindows = ({ limit }: Rows): string => `tokenizer.enable_truncation(${limit}, stride=text["windows"]["overlap"])

first = tokenizer.encode(sys.argv[1])
windows = [first, *first.overflowing][: text["windows"]["most"]]
logits = [session.run(["logits"], feeds(window))[0] for window in windows]
logits = np.average(logits, axis=0, weights=[sum(window.attention_mask) for window in windows])
probabilities = np.exp(logits - logits.max())
probabilities /= probabilities.sum()
`;
/** Needs only numpy, tokenizers and onnxruntime. */
const python = (rows: Rows, windows: boolean): string => `import json, sys
import numpy as np
import onnxruntime
from tokenizers import Tokenizer

session = onnxruntime.InferenceSession("model.onnx")
about = session.get_modelmeta().custom_metadata_map
text, labels = json.loads(about["text"]), json.loads(about["labels"])
tokenizer = Tokenizer.from_file("tokenizer.json")
${rows.length === null ? 'tokenizer.no_padding()' : `tokenizer.enable_padding(length=${rows.length}, pad_id=text["padId"])  # the file takes this length only`}


def feeds(row):
    ids, mask = np.array([row.ids]), np.array([row.attention_mask])
    fed = {}
    for taken in session.get_inputs():
        role = next(role for role, name in text["inputs"].items() if name == taken.name)
        value = {"ids": ids, "mask": mask, "types": np.zeros_like(ids)}[role]
        fed[taken.name] = value.astype(np.int32 if "int32" in taken.type else np.int64)
    return fed


${windows ? inWindows(rows) : oneRow(rows)}for i in probabilities[0].argsort()[::-1][:5]:
    print(f"{labels[i]}\\t{probabilities[0][i]:.4f}")
`;

const JS_FILES = `// The folder of these files; without subfolder and dtype it would look for onnx/model_quantized.onnx.`;
const JS_PIPELINE = `import { pipeline } from '@huggingface/transformers';

${JS_FILES}
const classify = await pipeline('text-classification', './folder', { subfolder: '', dtype: 'fp32' });
console.log(await classify('Read this.'));
`;
/** Its pipeline pads to the longest of its texts. */
const jsPadded = (
  length: number,
): string => `import { AutoModelForSequenceClassification, AutoTokenizer, softmax } from '@huggingface/transformers';

${JS_FILES}
const model = await AutoModelForSequenceClassification.from_pretrained('./folder', { subfolder: '', dtype: 'fp32' });
const tokenizer = await AutoTokenizer.from_pretrained('./folder');
const rows = tokenizer(['Read this.'], { padding: 'max_length', max_length: ${length}, truncation: true });
const { logits } = await model(rows);
const probabilities = softmax(logits.data);
const best = probabilities.indexOf(Math.max(...probabilities));
console.log([{ label: model.config.id2label[best], score: probabilities[best] }]);
`;

const optimum = (length: number | null): string => `from optimum.onnxruntime import ORTModelForSequenceClassification
from transformers import AutoTokenizer, pipeline

model = ORTModelForSequenceClassification.from_pretrained("folder")
classify = pipeline("text-classification", model=model, tokenizer=AutoTokenizer.from_pretrained("folder"))
print(classify("Read this."${length === null ? '' : `, padding="max_length", max_length=${length}, truncation=True`}))
`;

const percent = (x: number): string => `${(100 * x).toFixed(x < 0.001 && x > 0 ? 3 : 1)} %`;

function about(report: TokenReport, windows: TextInput['windows']): string {
  const { texts, limit, long, truncated, unknownShare, lengths } = report;
  const counted = (n: number): string => `${n} of ${texts} texts (${percent(n / texts)})`;
  const cut = truncated === 0 ? 'none is longer' : `${counted(truncated)} are longer and were cut off there`;
  const read =
    windows === undefined
      ? `A text is read up to ${limit} tokens; ${cut}${truncated === 0 ? '' : ', in training as in prediction'}.`
      : `\`model.onnx\` reads ${limit} tokens at once. A longer text is read in windows of ${limit} tokens, special ones included, that share ${windows.overlap} of the text's own, at most ${windows.most} of them: the logits of the windows are averaged, weighted by their tokens, and softmax makes probabilities of that, in training as in prediction. ${counted(long)} are longer, ${report.windows} windows in all.`;
  return `

${read} The texts have ${lengths.median} tokens in the middle, ${lengths.p95} at the 95th percentile and ${lengths.most} at most;
${percent(unknownShare)} of the tokens stand for something that the tokenizer does not know.`;
}

const code = (language: string, text: string): string => `\`\`\`${language}\n${text}\`\`\``;

/** @param length what the base's file is fixed to; null where it takes rows of any length. */
export function textCard(report: TokenReport, { windows }: TextInput, length: number | null): CardWords {
  const rows = { limit: report.limit, length };
  const oneWindow =
    windows === undefined ? '' : '\n\nThese libraries take one window: they read the beginning of a longer text only.';
  return {
    kind: 'A text classifier',
    examples: 'texts',
    about: about(report, windows),
    use: `\`model.onnx\` is the whole model in plain ONNX operators, from token ids to the outputs \`probabilities\` and \`logits\`; the tokenizer lies beside it.
Labels and the names of the inputs also stand in its \`metadata_props\`. With \`pip install onnxruntime tokenizers numpy\`:

${code('python', python(rows, windows !== undefined))}

The files are also a folder as Hugging Face's libraries read it. In JavaScript, with \`npm install @huggingface/transformers\`:

${code('js', length === null ? JS_PIPELINE : jsPadded(length))}

In Python, with \`pip install optimum[onnxruntime]\`:

${code('python', optimum(length))}${oneWindow}`,
  };
}
