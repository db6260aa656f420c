import { expect, test } from 'vitest';
import { COMMANDS } from '../../../clients/cli/commands/index.js';
import { parse, UsageError } from '../../../clients/cli/options.js';

test.each([
  ['trian photos', "There is no command 'trian'. Did you mean graft train?", null],
  ['frobnicate', "There is no command 'frobnicate'.", null],
  ['models', '`graft models` needs a word more: list, show, evaluation, download, alias, delete.', 'models'],
  ['jobs cancle job_1', /^There is no command 'jobs cancle': .*cancel.*\. Did you mean graft jobs cancel\?$/, 'jobs'],
  ['train', '`graft train` needs FOLDER|ARCHIVE|TABLE|ds_….', 'train'],
  ['train a b', "`graft train` takes no 'b'.", 'train'],
  ['train photos --epoch 3', "`graft train` has no option '--epoch'. Did you mean --epochs?", 'train'],
  [
    'train photos --zebra',
    /^`graft train` has no option '--zebra'\. A word that begins with - .* after --\.$/,
    'train',
  ],
  ['predict mdl_1 --lines', '--lines needs a value: --lines=…', 'predict'],
  ['jobs list --json=yes', '--json stands alone, without a value.', 'jobs list'],
])('graft %s: says what is wrong and what was meant', (line, words, of) => {
  const wrong = (): unknown => {
    try {
      return parse(line.split(' '), COMMANDS);
    } catch (error) {
      return error;
    }
  };
  const error = wrong() as UsageError;
  expect(error).toBeInstanceOf(UsageError);
  expect(error.message).toEqual(typeof words === 'string' ? words : expect.stringMatching(words));
  expect(error.of).toBe(of);
});

test('predict takes as many pictures as there are', () => {
  expect(parse(['predict', 'mdl_1', 'a.jpg', 'b.jpg', 'c.jpg'], COMMANDS).args).toHaveLength(4);
});
