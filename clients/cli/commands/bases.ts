import { basename } from 'node:path';
import type { Base } from '../../api/client.js';
import { lineageLines } from '../lineage.js';
import { type Command, UsageError } from '../options.js';
import { bytesText, type Output } from '../output.js';
import { untilChecked } from '../wait.js';
import { archiveOf } from '../zip-folder.js';

function show(base: Base, out: Output): number {
  if (out.json) out.data(base);
  else if (base.state === 'invalid') out.problem({ ...base.error!, status: 422 });
  else {
    out.text(`${base.id}  ${base.name}  ${base.state}  ${bytesText(base.bytes)}`);
    for (const cut of base.cuts)
      out.text(`  cut ${cut.tensor}: ${cut.features} features, ${cut.kind}${cut.default ? ' (default)' : ''}`);
    if (base.text !== null && base.text !== undefined)
      out.text(`  texts of up to ${base.text.maxLength} tokens, ${base.text.pooling} of their vectors`);
    if (base.source) out.text(`  from ${base.source.hub} on the hub, commit ${base.source.commit}`);
    for (const line of lineageLines(base.lineage)) out.text(`  ${line}`);
  }
  return base.state === 'invalid' ? 1 : 0;
}

const HUB = 'hub:';
/** Of `hub:org/name@revision`. */
function hubArguments(argument: string, name: string | undefined): [string, { revision?: string; name?: string }] {
  const [hub, ...rest] = argument.slice(HUB.length).split('@');
  const revision = rest.join('@');
  return [hub!, { ...(revision !== '' && { revision }), ...(name !== undefined && { name }) }];
}

export const baseCommands: readonly Command[] = [
  {
    name: 'bases add',
    args: ['[FILE|FOLDER|hub:ORG/NAME[@REVISION]]'],
    about: 'add an ONNX file, a hub folder (zipped or not), a model of the hub, or one of one’s own, as a base',
    options: {
      name: 'its name (the file’s, the repository’s, the model’s)',
      model: 'make it from this model instead of a file',
    },
    async run({ client, out, args, values }) {
      if ((args[0] === undefined) === (values.model === undefined))
        throw new UsageError('`graft bases add` needs either FILE, hub:ORG/NAME or --model MODEL.');
      if (values.model !== undefined) {
        const made = await client.bases.addModel(values.model, values.name);
        return show(await untilChecked(made, () => client.bases.get(made.id), out), out);
      }
      if (args[0]!.startsWith(HUB)) {
        const made = await client.bases.addHub(...hubArguments(args[0]!, values.name));
        return show(await untilChecked(made, () => client.bases.get(made.id), out), out);
      }
      const name = values.name ?? basename(args[0]!).replace(/\.(onnx|zip)$/, '');
      const file = await archiveOf(args[0]!, { links: true });
      if (file.skipped > 0) out.error(`${file.skipped} symbolic links that lead to no file were left out.`);
      const created = await client.bases
        .add(file.path, name, { progress: (sent, total) => out.progress('uploading', sent, total) })
        .finally(() => file.dispose());
      return show(await untilChecked(created, () => client.bases.get(created.id), out), out);
    },
  },
  {
    name: 'bases list',
    args: [],
    about: 'all bases, newest first',
    async run({ client, out }) {
      const rows: (string | number)[][] = [['id', 'name', 'state', 'size', 'tasks', 'made from']];
      for await (const base of client.bases.list()) {
        if (out.json) out.data(base);
        else {
          const from = base.lineage[0]?.model ?? '';
          rows.push([base.id, base.name, base.state, bytesText(base.bytes), base.tasks.join(', '), from]);
        }
      }
      if (!out.json) out.table(rows);
      return 0;
    },
  },
  {
    name: 'bases show',
    args: ['BASE'],
    about: 'a base by id, name or digest',
    run: async ({ client, out, args }) => show(await client.bases.get(args[0]!), out),
  },
  {
    name: 'bases delete',
    args: ['BASE'],
    about: 'delete a base that nothing stands on',
    async run({ client, args }) {
      await client.bases.delete((await client.bases.get(args[0]!)).id);
      return 0;
    },
  },
];
