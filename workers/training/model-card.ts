import type { Certificate, Hyperparameters, LineageLink } from '../../src/domain/types.js';
import type { Evaluation } from '../../src/tasks/classification/metrics.js';
import type { CardWords } from './cards/words.js';
import type { RunSpec } from './messages.js';

export interface CardFacts {
  readonly spec: RunSpec;
  readonly labels: readonly string[];
  readonly counts: { readonly train: number; readonly validation: number; readonly test: number };
  readonly drawn: boolean;
  readonly hyperparameters: Hyperparameters;
  readonly features: number;
  /** Which of the weights that it went through became the model; null where there was no choice. */
  readonly kept: string | null;
  /** What training changed of the base. */
  readonly changed: ReadonlyMap<string, unknown> | null;
  readonly validation: Evaluation;
  readonly test: Evaluation | null;
  readonly certificate: Certificate;
  /** What is said of the kind of examples. */
  readonly words: CardWords;
}

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;
/** Names come from users: nothing in them may become markup or a new table cell. */
const cell = (text: string): string => text.replace(/[\r\n]+/g, ' ').replace(/[|\\`*_<>[\]#]/g, (c) => `\\${c}`);

function table(e: Evaluation, examples: string): string {
  const { low, high } = e.accuracyInterval;
  return [
    '| class | examples | precision | recall | F1 |',
    '|---|---|---|---|---|',
    ...e.classes.map(
      (c) => `| ${cell(c.label)} | ${c.support} | ${percent(c.precision)} | ${percent(c.recall)} | ${percent(c.f1)} |`,
    ),
    '',
    `Accuracy ${percent(e.accuracy)} (95 % interval ${percent(low)} to ${percent(high)}) of ${e.examples} ${examples}; always answering`,
    `"${cell(e.baseline.label)}" would reach ${percent(e.baseline.accuracy)}. Log loss ${e.logLoss.toFixed(4)}, expected calibration error ${e.calibration.ece.toFixed(4)}.`,
  ].join('\n');
}

function trainingLine(h: Hyperparameters, kept: string | null): string {
  const common = `${h.epochs} epochs, learning rate ${h.learningRate}, batch ${h.batchSize}`;
  const weights = typeof h.classWeights === 'object' ? 'given' : (h.classWeights ?? 'none');
  const rest = `label smoothing ${h.labelSmoothing}, weights of labels ${weights}, seed ${h.seed}`;
  const passes = h.microBatch === h.batchSize ? '' : ` in passes of ${h.microBatch}`;
  const gradual = h.unfreezing === 'gradual' ? 'layers opened gradually, ' : '';
  return kept !== null
    ? `${h.optimizer}, ${common}${passes}, ${h.schedule} schedule, ${gradual}weight decay ${h.weightDecay}, batch normalisation ${h.batchNorm}, augmentation ${h.augmentation}, ${rest}; ${kept}`
    : `Adam, ${common}, L2 penalty ${h.weightDecay} on standardised features, ${rest}`;
}

/** Step by step from this model down to a base that was uploaded; empty where its own base was. */
function lineage({ model, jobId, method, dataset, base }: RunSpec): string {
  const { lineage: below = [] } = base;
  if (below.length === 0) return '';
  const own: LineageLink = { model, job: jobId, method, dataset, base };
  const rows = [own, ...below].map(
    (link) =>
      `| \`${link.model.id}\` | ${link.method.type} (\`${link.job}\`) | ${cell(link.dataset.name)} (\`${link.dataset.id}\`, revision ${link.dataset.revision}) | ${cell(link.base.name)} (\`${link.base.digest}\`) |`,
  );
  return `
## Lineage

Its base was made from a model, and so on: each row's base is the model of the row below; the last base was uploaded.

| model | method | data | base |
|---|---|---|---|
${rows.join('\n')}
`;
}

/** The README.md that goes with the model: what it was made from, how good it is, how to use it. */
export function modelCard(f: CardFacts): string {
  const { spec, hyperparameters: h } = f;
  const { certificate: c, words } = f;
  return `# ${cell(spec.model.name ?? spec.model.id)}

${words.kind} with ${f.labels.length} classes, trained by Graft: ${f.labels.slice(0, 50).map(cell).join(', ')}${f.labels.length > 50 ? ', ...' : ''}.

| | |
|---|---|
| model | \`${spec.model.id}\`, made by job \`${spec.jobId}\` |
| data | ${cell(spec.dataset.name)} (\`${spec.dataset.id}\`, revision ${spec.dataset.revision}, \`${spec.dataset.digest}\`) |
| ${words.examples} | ${f.counts.train} to train, ${f.counts.validation} to validate (${f.drawn ? `drawn with seed ${h.seed}` : "the data's own split"}), ${f.counts.test} to test |
| base | ${cell(spec.base.name)} (\`${spec.base.digest}\`) |
| licence of the base | ${cell(spec.base.license ?? 'not stated by its file')} |
| method | ${spec.method.type}: cut at \`${spec.cut}\`, ${f.features} features, linear head |
| training | ${trainingLine(h, f.kept)} |

${f.changed === null ? "The layers below the cut are the base's own, unchanged." : `${f.changed.size} tensors of the base were trained further, all others are the base's own.`} The licence of the base goes on to hold for them.${words.about}
${lineage(spec)}
## Evaluation (validation)

${table(f.validation, words.examples)}
${f.test === null ? '' : `\n## Evaluation (test)\n\n${table(f.test, words.examples)}\n`}
## Use

${words.use}

## Parity certificate

Before it was published, \`model.onnx\` (\`${c.exportDigest}\`) was loaded afresh (${c.engines.verifier.executor} ${c.engines.verifier.version}, ${c.engines.verifier.device}) and run on ${c.inputs.length} ${words.examples}: the
probabilities differ from the trainer's by at most ${c.maxDifference.toExponential(2)}; ${c.tolerance} is allowed.
`;
}
