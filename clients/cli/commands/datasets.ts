import { columnOptions } from '../columns.js';
import type { Command } from '../options.js';
import { bytesText } from '../output.js';
import { addDataset, showDataset } from './train.js';

export const datasetCommands: readonly Command[] = [
  {
    name: 'datasets add',
    args: ['FOLDER|ARCHIVE|TABLE'],
    about: 'upload pictures or texts and check them',
    options: {
      'dataset-name': 'its name (the folder’s)',
      task: 'image-classification, text-classification (for a .csv, .tsv or .jsonl)',
      ...columnOptions,
    },
    async run(context) {
      const dataset = await addDataset(context, context.args[0]!);
      if (context.out.json) context.out.data(dataset);
      return (await showDataset(context, dataset)) ? 0 : 1;
    },
  },
  {
    name: 'datasets list',
    args: [],
    about: 'all datasets, newest first',
    async run({ client, out }) {
      const rows: (string | number)[][] = [['id', 'name', 'state', 'examples', 'labels', 'size']];
      for await (const d of client.datasets.list()) {
        if (out.json) out.data(d);
        else
          rows.push([
            d.id,
            d.name,
            d.state,
            d.summary?.examples ?? '-',
            d.summary?.labels.length ?? '-',
            bytesText(d.revision?.bytes ?? 0),
          ]);
      }
      if (!out.json) out.table(rows);
      return 0;
    },
  },
  {
    name: 'datasets show',
    args: ['DATASET'],
    about: 'what is in it',
    async run(context) {
      const dataset = await context.client.datasets.get(context.args[0]!);
      if (context.out.json) context.out.data(dataset);
      return (await showDataset(context, dataset)) ? 0 : 1;
    },
  },
  {
    name: 'datasets report',
    args: ['DATASET'],
    about: 'everything that checking found',
    async run({ client, out, args }) {
      const report = await client.datasets.report(args[0]!);
      if (out.json) {
        out.data(report);
        return 0;
      }
      out.table([
        ['label', 'train', 'validation', 'test'],
        ...(report.summary?.labels ?? []).map((label) => [label.name, label.train, label.validation, label.test]),
      ]);
      for (const note of report.notes) out.text(`note: ${note}`);
      for (const item of report.rejected) out.text(`left out: ${item.path}: ${item.detail} [${item.code}]`);
      for (const group of report.duplicates) out.text(`${group.kind} duplicates: ${group.paths.join(', ')}`);
      for (const leak of report.leaks)
        out.text(`leak (${leak.kind}): ${leak.train} is in training, ${leak.other} in ${leak.split}`);
      return 0;
    },
  },
  {
    name: 'datasets delete',
    args: ['DATASET'],
    about: 'delete a dataset',
    async run({ client, args }) {
      await client.datasets.delete(args[0]!);
      return 0;
    },
  },
];
