import { describe, expect, it } from 'vitest';
import { train } from '../../../clients/cli/commands/train.js';
import { type Context, UsageError } from '../../../clients/cli/options.js';

/** A dataset that is there, and a service that takes the job and says what it was asked. */
function asked(values: Context['values']): { context: Context; requests: unknown[] } {
  const requests: unknown[] = [];
  const client = {
    datasets: { get: async () => ({ id: 'ds_1', task: 'image-classification', state: 'ready', summary: null }) },
    jobs: {
      create: async (request: unknown) => {
        requests.push(request);
        return { id: 'job_1', state: 'queued' };
      },
    },
  };
  const out = { json: true, data: () => {} };
  const context = { client, out, args: ['ds_1'], values: { detach: 'true', ...values } } as unknown as Context;
  return { context, requests };
}

describe('graft train', () => {
  it('asks for the engine that was given, and for none else', async () => {
    const [given, left] = [asked({ engine: 'tensorflow', 'fine-tune': '2' }), asked({})];
    expect(await train.run(given.context)).toBe(0);
    expect(given.requests).toMatchObject([{ engine: 'tensorflow', method: { type: 'fineTuning', layers: 2 } }]);
    await train.run(left.context);
    expect(left.requests[0]).not.toHaveProperty('engine');
  });

  it('refuses an engine that there is not before anything is sent', async () => {
    const { context, requests } = asked({ engine: 'gpu' });
    await expect(train.run(context)).rejects.toThrow(UsageError);
    await expect(train.run(context)).rejects.toThrow("--engine takes auto, onnxruntime, tensorflow, not 'gpu'.");
    expect(requests).toEqual([]);
  });
});
