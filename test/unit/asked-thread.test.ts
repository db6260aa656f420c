import { join } from 'node:path';
import { expect, it } from 'vitest';
import { askedThread } from '../../workers/asked-thread.js';

const ECHO = join(import.meta.dirname, '../support/echo-thread.mjs');

it('answers in order what is asked at once, after what it said unasked', async () => {
  const thread = askedThread<string, string>(ECHO);
  expect(await thread.said()).toBe('ready');
  const questions = ['a longer one', 'b', '', 'another'];
  expect(await Promise.all(questions.map((question) => thread.ask(question)))).toEqual(questions);
  thread.tell('end');
  await thread.gone;
});

it('moves memory where it may', async () => {
  const thread = askedThread<Uint8Array, unknown>(ECHO);
  await thread.said();
  const bytes = Uint8Array.of(1, 2, 3);
  expect(await thread.ask(bytes, [bytes.buffer])).toEqual(Uint8Array.of(1, 2, 3));
  expect(bytes).toHaveLength(0);
  await thread.terminate();
});

it.each([
  ['throw', 'as told'],
  ['exit', 'echo-thread.mjs ended with code 3'],
  ['end', 'echo-thread.mjs ended with code 0'],
])('of "%s" everyone who waits hears, and who asks later', async (word, message) => {
  const thread = askedThread<string, string>(ECHO);
  await thread.said();
  const waiting = ['a question that takes its time', 'and another'].map((question) => thread.ask(question));
  const heard = Promise.allSettled(waiting);
  thread.tell(word);
  for (const one of await heard) expect(one).toMatchObject({ status: 'rejected', reason: { message } });
  await thread.gone;
  await expect(thread.ask('later')).rejects.toThrow(message);
});

it('says what happened in the words of who started it', async () => {
  const thread = askedThread<string, string>(ECHO, { ended: (cause) => new Error('The thread is gone.', { cause }) });
  await thread.said();
  const asked = thread.ask('a question that takes its time');
  thread.tell('throw');
  await expect(asked).rejects.toMatchObject({ message: 'The thread is gone.', cause: { message: 'as told' } });
});
