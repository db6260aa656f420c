import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse as yaml } from 'yaml';
import { createClient } from '../../../clients/api/client.js';
import { columnOptions, columnsOf } from '../../../clients/cli/columns.js';
import { COMMANDS as commands } from '../../../clients/cli/commands/index.js';
import { parse } from '../../../clients/cli/options.js';
import { createOutput } from '../../../clients/cli/output.js';

const contract = yaml(readFileSync(join(import.meta.dirname, '../../../openapi.yaml'), 'utf8'));

describe('options of columns', () => {
  it('are there for every column of the contract, and for nothing else', () => {
    const fields = Object.keys(contract.components.schemas.DatasetUpload.properties).filter((f) => /Column$/.test(f));
    const all = Object.fromEntries(Object.keys(columnOptions).map((option) => [option, 'x']));
    expect(Object.keys(columnsOf(all) ?? {}).sort()).toEqual(fields.sort());
  });

  it.each(['datasets add reviews.csv', 'train reviews.csv'])('are taken by `graft %s`', (line) => {
    const { values } = parse([...line.split(' '), '--label-column', 'the kind', '--text-column=2'], commands);
    expect(columnsOf(values)).toEqual({ labelColumn: 'the kind', textColumn: '2' });
    expect(columnsOf(parse(line.split(' '), commands).values)).toBeNull();
  });

  it('are refused where nothing is uploaded', async () => {
    const { command, args, values } = parse(['train', 'ds_1', '--split-column', 'part'], commands);
    const client = createClient({ url: 'http://127.0.0.1:9' });
    const out = createOutput({ json: true, colour: false });
    await expect(command.run({ client, out, args, values })).rejects.toThrow(
      '--split-column tells how to read a table as it is uploaded; ds_1 is there already.',
    );
  });
});
