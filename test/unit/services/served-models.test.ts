import { expect, test } from 'vitest';
import type { Repositories } from '../../../src/domain/ports.js';
import type { Model } from '../../../src/domain/types.js';
import { servedModels } from '../../../src/services/served-models.js';

function looking() {
  const aliases = new Map([['live', 'mdl_1']]);
  const asked: string[] = [];
  let now = 0;
  let wait: Promise<void> = Promise.resolve();
  const find = async (projectId: string, reference: string) => {
    asked.push(`${projectId}/${reference}`);
    const id = aliases.get(reference);
    await wait;
    return id === undefined ? null : ({ id, projectId } as unknown as Model);
  };
  const served = servedModels({ models: { find } } as unknown as Repositories, () => now);
  return {
    aliases,
    asked,
    served,
    later: (ms: number) => {
      now += ms;
    },
    slowly: (until: Promise<void>) => {
      wait = until;
    },
  };
}

test('a model is looked up once a second, for each project by itself', async () => {
  const { served, asked, aliases, later } = looking();
  await Promise.all([served.find('a', 'live'), served.find('a', 'live'), served.find('b', 'live')]);
  expect(asked).toEqual(['a/live', 'b/live']);
  aliases.set('live', 'mdl_2');
  later(999);
  expect(await served.find('a', 'live')).toMatchObject({ id: 'mdl_1', projectId: 'a' });
  later(2);
  expect(await served.find('a', 'live')).toMatchObject({ id: 'mdl_2' });
});

test('what this process changes is seen at once, also where it was just being looked up', async () => {
  const { served, aliases, slowly } = looking();
  let read = () => {};
  slowly(new Promise((resolve) => (read = resolve)));
  const before = served.find('a', 'live');
  aliases.set('live', 'mdl_2');
  served.forget();
  read();
  expect(await before).toMatchObject({ id: 'mdl_1' });
  expect(await served.find('a', 'live')).toMatchObject({ id: 'mdl_2' });
});

test('what is not there is asked for again', async () => {
  const { served, aliases } = looking();
  await expect(served.find('a', 'next')).rejects.toMatchObject({ code: 'not-found' });
  aliases.set('next', 'mdl_3');
  expect(await served.find('a', 'next')).toMatchObject({ id: 'mdl_3' });
});
