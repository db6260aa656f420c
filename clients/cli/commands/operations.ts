import { ApiError } from '../../api/client.js';
import type { Command } from '../options.js';

interface Key {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly prefix: string;
  readonly createdAt: string;
}

interface WorkerEngine {
  readonly worker: string;
  readonly executor: string;
  readonly usable: boolean;
  readonly version: string | null;
  readonly device: string | null;
  readonly reason: string | null;
}
const engineLine = ({ worker, executor, usable, version, device, reason }: WorkerEngine): string =>
  usable
    ? `engine ${executor} ${version} on ${device}: can be used (${worker})`
    : `engine ${executor} cannot be used (${worker}): ${reason}`;

export const operationCommands: readonly Command[] = [
  {
    name: 'keys create',
    args: ['NAME'],
    about: 'a new API key, shown once',
    options: { scopes: 'of read, write, predict, admin, by commas (read,write,predict)' },
    async run({ client, out, args, values }) {
      const scopes = (values.scopes ?? 'read,write,predict').split(',');
      const key = await client.request<Key & { secret: string }>('POST', '/v1/keys', {
        json: { name: args[0], scopes },
      });
      if (out.json) out.data(key);
      else out.text(`${key.id}  ${key.scopes.join(', ')}\n${key.secret}\nKeep it now; it is not shown again.`);
      return 0;
    },
  },
  {
    name: 'keys list',
    args: [],
    about: 'all keys, without their secrets',
    async run({ client, out }) {
      const rows: string[][] = [['id', 'name', 'begins', 'scopes', 'created']];
      for await (const key of client.each<Key>('/v1/keys')) {
        if (out.json) out.data(key);
        else rows.push([key.id, key.name, key.prefix, key.scopes.join(', '), key.createdAt]);
      }
      if (!out.json) out.table(rows);
      return 0;
    },
  },
  {
    name: 'keys revoke',
    args: ['KEY'],
    about: 'end a key',
    async run({ client, args }) {
      await client.request('DELETE', `/v1/keys/${encodeURIComponent(args[0]!)}`);
      return 0;
    },
  },
  {
    name: 'doctor',
    args: [],
    about: 'is the service well, part by part, and what can it train on',
    async run({ client, out }) {
      try {
        const ready = await client.request<Record<string, unknown>>('GET', '/readyz');
        const engines = await client.request<{ data: readonly WorkerEngine[] }>('GET', '/v1/engines');
        if (out.json) out.data({ ...ready, engines: engines.data });
        else {
          out.text(`${client.root} is ready: ${JSON.stringify(ready)}`);
          if (engines.data.length === 0) out.text('No worker has been heard of in the last half minute; jobs wait.');
          for (const engine of engines.data) out.text(engineLine(engine));
        }
        return 0;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        out.problem(error.problem);
        return 5;
      }
    },
  },
];
