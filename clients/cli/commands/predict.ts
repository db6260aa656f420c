import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { ApiError } from '../../api/client.js';
import { type Command, type Context, numberOf, UsageError } from '../options.js';
import { inWords, mediaType, type Prediction } from './models.js';

/** Texts of one call; the service takes no more. */
const TEXTS = 1000;
/** And of about so many characters, well below the largest body. */
const CHARACTERS = 4_000_000;

export const predict: Command = {
  name: 'predict',
  args: ['MODEL', '[FILE|TEXT]…'],
  about: 'labels for pictures or texts, by a model or an alias',
  options: {
    top: 'how many labels to show (all up to 5)',
    threshold: 'of two labels: probability from which on the second one is predicted (0 to 1)',
    lines: 'a file with a text a line, or - for standard input; a line of JSON comes out for each',
  },
  flags: { texts: 'the words are texts, also where a file is called so' },
  async run(context) {
    const { args, values } = context;
    const [model, ...given] = args as readonly [string, ...string[]];
    const lines = values.lines;
    if (given.length === 0 && lines === undefined)
      throw new UsageError('`graft predict` needs pictures, texts, or --lines FILE.');
    if (given.length > 0 && lines !== undefined)
      throw new UsageError(`--lines reads the texts from '${lines}'; leave out '${given[0]}'.`);
    if (lines !== undefined) return predictLines(context, model, lines);
    // Told by the words alone: a key that may only predict cannot ask what the model takes.
    const isFile = values.texts === undefined ? namesFile : () => false;
    const [file, text] = [given.find(isFile), given.find((one) => !isFile(one))];
    if (file !== undefined && text !== undefined)
      throw new UsageError(
        `'${file}' is a file and '${text}' a text; a model takes one or the other. --texts takes all for texts.`,
      );
    return file === undefined ? predictTexts(context, model, given, false) : predictPictures(context, model, given);
  },
};

/** A picture that is not there is a mistake, not a text. */
const namesFile = (word: string): boolean =>
  existsSync(word) || /^\S+\.(jpe?g|png|webp|gif|tiff?|heic|avif)$/i.test(word);

const optionsOf = ({ values }: Context) => ({
  top: numberOf(values, 'top'),
  threshold: numberOf(values, 'threshold'),
});

async function predictPictures(context: Context, model: string, files: readonly string[]): Promise<number> {
  const { client, out } = context;
  let failed = false;
  for (const file of files) {
    const bytes = await readFile(file);
    try {
      const answer = await client.models.predict(model, bytes, mediaType(bytes), optionsOf(context));
      const prediction = answer.predictions[0] as Prediction;
      if (out.json) out.data({ file, ...prediction });
      else if (prediction.error !== undefined) out.error(`${file}: ${prediction.error.detail}`);
      else out.text(`${basename(file)}  ${shown(context, prediction)}`);
      failed ||= prediction.error !== undefined;
    } catch (error) {
      // One picture that is none must not keep the others from their answers.
      const problem = ofInput(error);
      failed = true;
      if (out.json) out.data({ file, error: problem });
      else out.error(`${file}: ${problem.detail}`);
    }
  }
  return failed ? 1 : 0;
}

async function predictLines(context: Context, model: string, from: string): Promise<number> {
  const lines =
    from === '-'
      ? createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
      : (await open(from)).readLines();
  let code = 0;
  let texts: string[] = [];
  let characters = 0;
  const send = async () => {
    if (texts.length > 0) code = Math.max(code, await predictTexts(context, model, texts, true));
    [texts, characters] = [[], 0];
  };
  for await (const line of lines) {
    texts.push(line);
    characters += line.length;
    if (texts.length === TEXTS || characters > CHARACTERS) await send();
  }
  await send();
  return code;
}

/** Predictions for texts, as a table or as a line of JSON each. */
async function predictTexts(context: Context, model: string, texts: readonly string[], json: boolean): Promise<number> {
  const { client, out } = context;
  const predictions = await client.models
    .predictTexts(model, texts, optionsOf(context))
    .then(({ predictions }) => predictions as readonly Prediction[])
    // A single text that cannot be read is the whole request's failure.
    .catch((error: unknown): readonly Prediction[] => [{ error: ofInput(error) }]);
  for (const [i, prediction] of predictions.entries()) {
    const text = texts[i]!;
    if (out.json || json) out.data({ text, ...prediction });
    else if (prediction.error !== undefined) out.error(`${short(text)}: ${prediction.error.detail}`);
    else out.text(`${shown(context, prediction)}  ${short(text)}${lengthWords(prediction)}`);
  }
  return predictions.some(({ error }) => error !== undefined) ? 1 : 0;
}

function lengthWords({ truncated = false, windows }: Prediction): string {
  const words = [...(windows === undefined ? [] : [`${windows} windows`]), ...(truncated ? ['cut off'] : [])];
  return words.length === 0 ? '' : ` (${words.join(', ')})`;
}

/** With a threshold the label that it chose comes first, whatever is more probable. */
function shown({ values }: Context, { label, top = [] }: Prediction): string {
  return values.threshold === undefined ? inWords(top) : `${label}: ${inWords(top)}`;
}
const short = (text: string): string => (text.length > 60 ? `${text.slice(0, 59)}…` : text);

function ofInput(error: unknown): ApiError['problem'] {
  if (error instanceof ApiError && error.problem.code === 'input-invalid') return error.problem;
  throw error;
}
