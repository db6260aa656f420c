import type { TokenReport } from '../messages.js';
import type { CardWords } from './words.js';

/** Needs only numpy, tokenizers and onnxruntime. */
const PYTHON = `import json, sys
import numpy as np
import onnxruntime
from tokenizers import Tokenizer

session = onnxruntime.InferenceSession("model.onnx")
about = session.get_modelmeta().custom_metadata_map
text, labels = json.loads(about["text"]), json.loads(about["labels"])
tokenizer = Tokenizer.from_file("tokenizer.json")
tokenizer.no_padding()
tokenizer.enable_truncation(text["maxLength"])

ids = np.array([tokenizer.encode(sys.argv[1]).ids])
feeds = {}
for taken in session.get_inputs():
    role = next(role for role, name in text["inputs"].items() if name == taken.name)
    value = {"ids": ids, "mask": np.ones_like(ids), "types": np.zeros_like(ids)}[role]
    feeds[taken.name] = value.astype(np.int32 if "int32" in taken.type else np.int64)
[probabilities] = session.run(["probabilities"], feeds)
for i in probabilities[0].argsort()[::-1][:5]:
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

function about({ texts, limit, truncated, unknownShare, lengths }: TokenReport): string {
  const cut =
    truncated === 0
      ? 'none is longer'
      : `${truncated} of ${texts} texts (${percent(truncated / texts)}) are longer and were cut off there, in training as in prediction`;
  return `

A text is read up to ${limit} tokens; ${cut}. The texts have ${lengths.median} tokens in the middle, ${lengths.p95} at the 95th percentile and ${lengths.most} at most;
${percent(unknownShare)} of the tokens stand for something that the tokenizer does not know.`;
}

const code = (language: string, text: string): string => `\`\`\`${language}\n${text}\`\`\``;

export function textCard(report: TokenReport): CardWords {
  return {
    kind: 'A text classifier',
    examples: 'texts',
    about: about(report),
    use: `\`model.onnx\` is the whole model in plain ONNX operators, from token ids to the outputs \`probabilities\` and \`logits\`; the tokenizer lies beside it.
Labels and the names of the inputs also stand in its \`metadata_props\`. With \`pip install onnxruntime tokenizers numpy\`:

${code('python', PYTHON)}

The files are also a folder as Hugging Face's libraries read it. In JavaScript, with \`npm install @huggingface/transformers\`:

${code('js', TRANSFORMERS_JS)}

In Python, with \`pip install optimum[onnxruntime]\`:

${code('python', OPTIMUM)}`,
  };
}
