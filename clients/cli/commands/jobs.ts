import type { Job } from '../../api/client.js';
import { hyperparameterOptions, hyperparametersOf } from '../hyperparameters.js';
import type { Command, Context } from '../options.js';
import { follow } from './train.js';

function show({ out }: Context, job: Job): number {
  if (out.json) out.data(job);
  else {
    out.text(
      `${job.id}  ${job.state}  attempt ${job.attempt}  base ${job.base.id}  dataset ${job.dataset.id} revision ${job.dataset.revision}`,
    );
    for (const [name, value] of Object.entries(job.metrics)) out.text(`  ${name} ${value}`);
    if (job.memory) out.text(`  memory ${memoryOf(job.memory)}`);
    if (job.model) out.text(`  model ${job.model}`);
    if (job.error) out.problem({ ...job.error, status: 500 });
  }
  return 0;
}

function memoryOf({ estimate, available, peak }: NonNullable<Job['memory']>): string {
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  return `about ${mib(estimate.total)} of ${mib(available)}${peak === null ? '' : `, ${mib(peak)} at most`}`;
}

const ABOUT: Readonly<Record<string, string>> = {
  cancel: 'end a job without a model',
  pause: 'set a job aside',
  resume: 'go on with a paused job',
  stop: 'end training early, with the best so far',
};

export const jobCommands: readonly Command[] = [
  {
    name: 'jobs list',
    args: [],
    about: 'all jobs, newest first',
    options: { state: 'only those in this state' },
    async run({ client, out, values }) {
      const rows: (string | number)[][] = [['id', 'state', 'name', 'accuracy', 'model', 'created']];
      for await (const job of client.jobs.list({ state: values.state })) {
        if (out.json) out.data(job);
        else
          rows.push([
            job.id,
            job.state,
            job.name ?? '',
            job.metrics['validation/accuracy']?.toFixed(3) ?? '',
            job.model ?? '',
            job.createdAt,
          ]);
      }
      if (!out.json) out.table(rows);
      return 0;
    },
  },
  {
    name: 'jobs show',
    args: ['JOB'],
    about: 'state, metrics and error',
    run: async (context) => show(context, await context.client.jobs.get(context.args[0]!)),
  },
  {
    name: 'jobs events',
    args: ['JOB'],
    about: 'what happened, in order',
    async run({ client, out, args }) {
      for await (const event of client.jobs.events(args[0]!)) {
        if (out.json) out.data(event);
        else out.text(`${event.createdAt}  ${event.type.padEnd(8)}  ${event.message}`);
      }
      return 0;
    },
  },
  {
    name: 'jobs watch',
    args: ['JOB'],
    about: 'follow a job to its end',
    run: (context) => follow(context, context.args[0]!),
  },
  ...Object.entries(ABOUT).map(
    ([action, about]): Command => ({
      name: `jobs ${action}`,
      args: ['JOB'],
      about,
      run: async (context) => show(context, await context.client.jobs.act(context.args[0]!, action)),
    }),
  ),
  {
    name: 'jobs retry',
    args: ['JOB'],
    about: 'run a failed job again, as a new one, from its checkpoint; what is given is done otherwise',
    options: hyperparameterOptions,
    run: async (context) =>
      show(context, await context.client.jobs.retry(context.args[0]!, hyperparametersOf(context.values))),
  },
];
