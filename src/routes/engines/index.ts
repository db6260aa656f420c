import { type Static, Type } from 'typebox';
import type { App, AppDeps } from '../../http/deps.js';
import { time } from '../../http/render.js';
import { answers, ENGINES, nullable, open, ref, Time, words } from '../../http/schemas.js';
import { liveEngines } from '../../services/engines.js';

export const WorkerEngine = open(
  {
    object: Type.Literal('engine'),
    worker: Type.String({ description: 'The worker process that has it.' }),
    executor: words(ENGINES),
    usable: Type.Boolean({
      description:
        'tensorflow: whether it ran kernels when the worker last tried it. onnxruntime comes along and is not tried.',
    }),
    version: nullable(Type.String()),
    device: nullable(Type.String({ description: '`cpu`, or the name of a GPU.' })),
    reason: nullable(Type.String({ description: 'Why it cannot be used, and how to mend it.' })),
    checkedAt: Time,
  },
  { $id: 'WorkerEngine' },
);
export const WorkerEngines = open(
  { object: Type.Literal('list'), data: Type.Array(ref(WorkerEngine)) },
  { $id: 'WorkerEngines', description: 'Empty: no worker has been heard of in the last half minute.' },
);

export function engineReads(app: App, deps: AppDeps): void {
  app.get(
    '/v1/engines',
    {
      schema: {
        operationId: 'listEngines',
        summary: 'What the workers can train on',
        tags: ['operations'],
        response: answers({ 200: ref(WorkerEngines) }),
      },
    },
    async () => ({
      object: 'list' as const,
      data: (await liveEngines(deps.repositories)).map(
        ({ checkedAt, ...engine }): Static<typeof WorkerEngine> => ({
          object: 'engine',
          ...engine,
          checkedAt: time(checkedAt),
        }),
      ),
    }),
  );
}
