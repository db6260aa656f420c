import type { TextInput } from '../../../src/domain/types.js';
import type { TokenReport } from '../messages.js';
import type { CardWords } from './words.js';

/** The text as one row of ids. */
const ONE_ROW = `tokenizer.enable_truncation(text["maxLength"])

ids = np.array([tokenizer.encode(sys.argv[1]).ids])
[probabilities] = session.run(["probabilities"], feeds(ids))
`;
/** The text in windows, whose logits are averaged by their tokens. */
const WINDOWS = `tokenizer.enable_truncation(text["maxLength"], stride=text["windows"]["overlap"])

first = tokenizer.encode(sys.argv[1])
windows = [np.array([w.ids]) for w in [first, *first.overflowing][: text["windows"]["most"]]]
logits = [session.run(["logits"], feeds(ids))[0] for ids in windows]
logits = np.average(logits, axis=0, weights=[ids.shape[1] for ids in windows])
probabilities = np.exp(logits - logits.max())
probabilities /= probabilities.sum()
`;
/** Needs only numpy, tokenizers and onnxruntime. */
const python = (windows: boolean): string => `import json, sys
import numpy as np
import onnxruntime
from tokenizers import Tokenizer

session = onnxruntime.InferenceSession("model.onnx")
about = session.get_modelmeta().custom_metadata_map
text, labels = json.loads(about["text"]), json.loads(about["labels"])
tokenizer = Tokenizer.from_file("tokenizer.json")
tokenizer.no_padding()


def feeds(ids):
    fed = {}
    for taken in session.get_inputs():
        role = next(role for role, name in text["inputs"].items() if name == taken.name)
        value = {"ids": ids, "mask": np.ones_like(ids), "types": np.zeros_like(ids)}[role]
        fed[taken.name] = value.astype(np.int32 if "int32" in taken.type else np.int64)
    return fed


${windows ? WINDOWS : ONE_ROW}for i in probabilities[0].argsort()[::-1][:5]:
    print(f"{labels[i]}\\t{probabilities[0][i]:.4f}")
`;

const TRANSFORMERS_JS = `import { pipeline } from '@huggingface/transformers';

// The folder of these files; without subfolder and dtype it would look for onnx/model_quantized.onnx.
const classify = await pipeline('text-classification', './folder', { subfolder: '', dtype: 'fp32' });
console.log(await classify('Read this.'));
`;

const OPTIMUM = `from optimum.onnxruntime import ORTModelForSequenceClassification
from transformers import AutoTokenizer, pipeline

model = ORTModelForSequenceClassification.from_pretrained("folder")
print(pipeline("text-classification", model=model, tokenizer=AutoTokenizer.from_pretrained("folder"))("Read this."))
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

export function textCard(report: TokenReport, { windows }: TextInput): CardWords {
  const oneWindow =
    windows === undefined ? '' : '\n\nThese libraries take one window: they read the beginning of a longer text only.';
  return {
    kind: 'A text classifier',
    examples: 'texts',
    about: about(report, windows),
    use: `\`model.onnx\` is the whole model in plain ONNX operators, from token ids to the outputs \`probabilities\` and \`logits\`; the tokenizer lies beside it.
Labels and the names of the inputs also stand in its \`metadata_props\`. With \`pip install onnxruntime tokenizers numpy\`:

${code('python', python(windows !== undefined))}

The files are also a folder as Hugging Face's libraries read it. In JavaScript, with \`npm install @huggingface/transformers\`:

${code('js', TRANSFORMERS_JS)}

In Python, with \`pip install optimum[onnxruntime]\`:

${code('python', OPTIMUM)}${oneWindow}`,
  };
}
