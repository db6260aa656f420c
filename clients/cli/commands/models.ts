import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { showEvaluation } from '../evaluation.js';
import { lineageLines } from '../lineage.js';
import { type Command, numberOf } from '../options.js';
import { bytesText } from '../output.js';

export interface Prediction {
  readonly label?: string;
  readonly probability?: number;
  readonly top?: readonly { readonly label: string; readonly probability: number }[];
  readonly truncated?: boolean;
  readonly windows?: number;
  readonly error?: { readonly detail: string };
}
export const inWords = (top: NonNullable<Prediction['top']>): string =>
  top.map((one) => `${one.label} ${(one.probability * 100).toFixed(1)} %`).join('  ');

/** The media type by the first bytes: names lie. */
export function mediaType(bytes: Buffer): string {
  if (bytes[0] === 0x89) return 'image/png';
  if (bytes.subarray(0, 4).toString('latin1') === 'RIFF') return 'image/webp';
  return 'image/jpeg';
}

export const modelCommands: readonly Command[] = [
  {
    name: 'models list',
    args: [],
    about: 'all models, newest first',
    async run({ client, out }) {
      const rows: (string | number)[][] = [['id', 'name', 'labels', 'accuracy', 'created']];
      for await (const model of client.models.list()) {
        if (out.json) out.data(model);
        else
          rows.push([
            model.id,
            model.name ?? '',
            model.labels.slice(0, 4).join(', ') + (model.labels.length > 4 ? ', …' : ''),
            model.metrics['validation/accuracy']?.toFixed(3) ?? '',
            model.createdAt,
          ]);
      }
      if (!out.json) out.table(rows);
      return 0;
    },
  },
  {
    name: 'models show',
    args: ['MODEL'],
    about: 'labels, origin and certificate',
    async run({ client, out, args }) {
      const model = await client.models.get(args[0]!);
      if (out.json) out.data(model);
      else {
        out.text(`${model.id}  ${model.name ?? ''}\n  labels ${model.labels.join(', ')}\n  cut at ${model.cut}`);
        for (const line of lineageLines(model.lineage)) out.text(`  ${line}`);
        out.text(
          `  export differs from training by at most ${model.certificate.maxDifference} (allowed ${model.certificate.tolerance})`,
        );
      }
      return 0;
    },
  },
  {
    name: 'models evaluation',
    args: ['MODEL'],
    about: 'how good it is, class by class',
    options: { precision: 'of two labels, the threshold from which on the second has this precision (largest F1)' },
    async run({ client, out, args, values }) {
      const precision = numberOf(values, 'precision');
      const evaluation = await client.models.evaluation(args[0]!, precision);
      if (out.json) out.data(evaluation);
      else showEvaluation(evaluation, out, precision);
      return 0;
    },
  },
  {
    name: 'models download',
    args: ['MODEL', '[FOLDER]'],
    about: 'model.onnx, labels and the rest',
    async run({ client, out, args }) {
      const folder = args[1] ?? args[0]!;
      const { data: files } = await client.models.files(args[0]!);
      await mkdir(folder, { recursive: true });
      for (const file of files) {
        const response = await client.models.file(args[0]!, file.name);
        await pipeline(
          Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]),
          createWriteStream(join(folder, basename(file.name))),
        );
        if (!out.json) out.text(`${join(folder, file.name)}  ${bytesText(file.bytes)}`);
      }
      return 0;
    },
  },
  {
    name: 'models alias',
    args: ['NAME', 'MODEL'],
    about: 'let a name stand for a model (production)',
    async run({ client, args }) {
      await client.models.alias(args[0]!, args[1]!);
      return 0;
    },
  },
  {
    name: 'models delete',
    args: ['MODEL'],
    about: 'delete a model',
    async run({ client, args }) {
      await client.models.delete(args[0]!);
      return 0;
    },
  },
];
