import { type Static, Type } from 'typebox';
import {
  closed,
  Digest,
  listOf,
  nullable,
  open,
  PageQuery,
  Problem,
  ref,
  Split,
  Task,
  Time,
  words,
} from '../../http/schemas.js';
import { Lineage, Preprocessing, TextInput } from '../bases/schema.js';
import { BasePin, ChosenMethod, DatasetPin, Engine, Metrics } from '../jobs/schema.js';

const text = Type.String();
const count = Type.Integer({ minimum: 0 });

export const CertificateInput = open({ path: text, digest: text }, { $id: 'CertificateInput' });
export const CertificateEngines = open({ trainer: ref(Engine), verifier: ref(Engine) }, { $id: 'CertificateEngines' });
export const Certificate = open(
  {
    inputs: Type.Array(ref(CertificateInput)),
    maxDifference: Type.Number(),
    tolerance: Type.Number(),
    exportDigest: Digest,
    engines: ref(CertificateEngines),
    verifiedAt: text,
  },
  {
    $id: 'Certificate',
    description: "The exported file, loaded afresh, gave the trainer's outputs on these inputs, within the tolerance.",
  },
);
export const ModelFile = open(
  { object: Type.Literal('file'), name: text, bytes: count, digest: Digest, contentType: text },
  { $id: 'ModelFile' },
);
export const ModelFileList = listOf(ModelFile);
export const Model = open(
  {
    object: Type.Literal('model'),
    id: text,
    name: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
    task: ref(Task),
    job: text,
    dataset: ref(DatasetPin),
    base: ref(BasePin),
    method: ref(ChosenMethod),
    cut: text,
    labels: Type.Array(text),
    preprocessing: nullable(Preprocessing),
    text: nullable(TextInput),
    metrics: ref(Metrics),
    certificate: ref(Certificate),
    lineage: Lineage,
    createdAt: Time,
  },
  { $id: 'Model' },
);
export const ModelList = listOf(Model);

const optionalNumber = Type.Unsafe<number | null>({ type: ['number', 'null'] });
export const Interval = open({ low: Type.Number(), high: Type.Number(), level: Type.Number() }, { $id: 'Interval' });
export const Baseline = open(
  { label: text, accuracy: Type.Number() },
  { $id: 'Baseline', description: 'Always answering the most frequent class of the training examples.' },
);
export const CalibrationBin = open(
  { low: Type.Number(), high: Type.Number(), count, confidence: optionalNumber, accuracy: optionalNumber },
  { $id: 'CalibrationBin' },
);
export const Calibration = open({ ece: Type.Number(), bins: Type.Array(ref(CalibrationBin)) }, { $id: 'Calibration' });
const SCORES = { precision: Type.Number(), recall: Type.Number(), f1: Type.Number() };
export const ClassScore = open({ label: text, support: count, predicted: count, ...SCORES }, { $id: 'ClassScore' });
export const MacroScore = open(SCORES, { $id: 'MacroScore', description: 'Means over the classes.' });
export const Confusion = open(
  { labels: Type.Array(text), matrix: Type.Array(Type.Array(count)) },
  { $id: 'Confusion', description: 'Rows are actual classes, columns predicted ones.' },
);
const MEASURES = {
  examples: count,
  accuracy: Type.Number(),
  accuracyInterval: ref(Interval),
  baseline: ref(Baseline),
  logLoss: Type.Number({ description: 'Mean of -ln p(actual class).' }),
  calibration: ref(Calibration),
  classes: Type.Array(ref(ClassScore)),
  macro: ref(MacroScore),
  confusion: ref(Confusion),
};
export const TokenLengths = open({ median: count, p95: count, most: count }, { $id: 'TokenLengths' });
export const TokenReport = open(
  {
    texts: count,
    limit: Type.Integer({ description: 'Tokens that the base reads at once, special ones included.' }),
    long: Type.Optional(Type.Integer({ description: 'Texts that are longer.' })),
    longText: Type.Optional(words(['truncate', 'windows'], { description: 'What became of them.' })),
    windows: Type.Optional(Type.Integer({ description: 'Windows that all texts were read in.' })),
    truncated: Type.Integer({ description: 'Texts whose end was left out.' }),
    unknownShare: Type.Number({ description: 'Share of the tokens that stand for what the tokenizer does not know.' }),
    lengths: ref(TokenLengths),
  },
  { $id: 'TokenReport', description: 'How tokenizer and texts go together, over all examples of the job.' },
);
export const BinaryScore = open(
  {
    positive: Type.String({ description: 'The label whose probability is meant: the second.' }),
    rocAuc: optionalNumber,
    threshold: Type.Number({
      description:
        'Probability of `positive` from which on F1 is largest on the validation split, or the wished precision is met.',
    }),
    ...SCORES,
  },
  {
    $id: 'BinaryScore',
    description: 'Of two labels. Precision, recall and F1 are those of `positive` at the threshold.',
  },
);
export const Measurement = open({ ...MEASURES, binary: Type.Optional(ref(BinaryScore)) }, { $id: 'Measurement' });
export const Evaluation = open(
  {
    object: Type.Literal('evaluation'),
    id: Type.String({ description: 'Of the model.' }),
    ...MEASURES,
    validation: words(['own split', 'drawn'], { description: 'Where the examples came from.' }),
    test: Type.Optional(ref(Measurement)),
    tokens: Type.Optional(ref(TokenReport)),
    binary: Type.Optional(ref(BinaryScore)),
  },
  { $id: 'Evaluation', description: 'How the model did on the validation split, which it was not trained on.' },
);
export const EvaluationExample = open(
  {
    object: Type.Literal('evaluation.example'),
    index: count,
    path: text,
    split: ref(Split),
    actual: text,
    predicted: text,
    probability: Type.Number(),
    probabilities: Type.Array(Type.Number()),
    excerpt: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: 'What a text begins with; null for other examples.',
    }),
  },
  { $id: 'EvaluationExample' },
);
export const EvaluationExampleList = listOf(EvaluationExample);
export const precisionQuery = closed({
  precision: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      description:
        'Of two labels: `binary` is told at the threshold that meets this precision of the second label on the validation split with the largest recall, instead of the one of the largest F1.',
    }),
  ),
});
export const evaluationQuery = closed({
  actual: Type.Optional(text),
  predicted: Type.Optional(text),
  wrong: Type.Optional(Type.Boolean({ description: 'Only those predicted wrongly, or only those predicted rightly.' })),
  order: Type.Optional(
    words(['index', 'confidence'], {
      description: 'By place in the dataset, which is the default, or the most confident predictions first.',
    }),
  ),
  ...PageQuery,
});
export const fileParams = closed({
  id: Type.String({ minLength: 1, maxLength: 200 }),
  name: Type.String({ minLength: 1, maxLength: 200 }),
});

export const Base64Image = closed({ base64: Type.String() }, { $id: 'Base64Image' });
export const PredictInput = closed(
  {
    image: Type.Optional(ref(Base64Image)),
    text: Type.Optional(
      Type.String({ description: 'At most 1 MiB as UTF-8; beyond what the base reads it is cut off.' }),
    ),
  },
  { $id: 'PredictInput', description: 'Either `image` or `text`, as the model takes.' },
);
const TOP = Type.Integer({
  minimum: 1,
  maximum: 999,
  description: 'How many labels, most probable first; 5 when left out.',
});
const THRESHOLD = Type.Number({
  minimum: 0,
  maximum: 1,
  description:
    'For models of two labels: the second one is predicted where its probability reaches this, else the first. Left out: the more probable one.',
});
export const PredictRequest = closed(
  {
    inputs: Type.Array(ref(PredictInput), {
      minItems: 1,
      maxItems: 1000,
      description: 'At most 256 images, or 1,000 texts.',
    }),
    top: Type.Optional(TOP),
    threshold: Type.Optional(THRESHOLD),
  },
  { $id: 'PredictRequest' },
);
export const predictQuery = closed({ top: Type.Optional(TOP), threshold: Type.Optional(THRESHOLD) });
export const LabelProbability = open({ label: text, probability: Type.Number() }, { $id: 'LabelProbability' });
export const Prediction = open(
  {
    label: Type.Optional(text),
    probability: Type.Optional(Type.Number()),
    top: Type.Optional(Type.Array(ref(LabelProbability))),
    truncated: Type.Optional(
      Type.Literal(true, { description: 'The text was longer than the base reads; its end was left out.' }),
    ),
    windows: Type.Optional(
      Type.Integer({
        description: 'The text was longer than the base reads at once: in how many windows it was read.',
      }),
    ),
    error: Type.Optional(ref(Problem)),
  },
  { $id: 'Prediction', description: 'Either the prediction or, for an input that cannot be read, `error`.' },
);
export const PredictionTiming = open(
  { queueMs: Type.Number(), batch: count, runMs: Type.Number() },
  { $id: 'PredictionTiming' },
);
export const PredictionResult = open(
  {
    object: Type.Literal('prediction'),
    model: text,
    predictions: Type.Array(ref(Prediction)),
    timing: ref(PredictionTiming),
  },
  { $id: 'PredictionResult' },
);
export type PredictRequestBody = Static<typeof PredictRequest>;
const BINARY = { type: 'string', format: 'binary' };
/** Described here, read as streams. */
export const PredictUpload = closed(
  {
    file: Type.Array(Type.Unsafe<never>(BINARY), { description: 'One or many images.' }),
    top: Type.Optional(TOP),
    threshold: Type.Optional(THRESHOLD),
  },
  { $id: 'PredictUpload' },
);
export const PREDICT_BODIES = {
  'multipart/form-data': ref(PredictUpload),
  'image/jpeg': BINARY,
  'image/png': BINARY,
  'image/webp': BINARY,
};
export const FileContent = Type.Unsafe<unknown>({
  description: 'The bytes of the file.',
  content: { 'application/octet-stream': { schema: BINARY } },
});
