import { Type } from 'typebox';
import { SCOPES } from '../../domain/ports.js';
import { closed, listOf, nullable, open, Time, words } from '../../http/schemas.js';

const FIELDS = {
  object: Type.Literal('key'),
  id: Type.String(),
  name: Type.String(),
  scopes: Type.Array(words(SCOPES)),
  prefix: Type.String({ description: 'How the key begins.' }),
  createdAt: Time,
  lastUsedAt: nullable(Time),
  expiresAt: nullable(Time),
};
export const Key = open(FIELDS, { $id: 'Key' });
export const KeyList = listOf(Key);
export const NewKey = open(
  {
    ...FIELDS,
    secret: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description:
        'The key itself, shown only in this answer; null when the answer is repeated for an Idempotency-Key.',
    }),
  },
  { $id: 'NewKey' },
);
export const KeyRequest = closed(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    scopes: Type.Array(words(SCOPES), { minItems: 1, maxItems: SCOPES.length, uniqueItems: true }),
    expiresAt: Type.Optional(nullable(Time)),
  },
  { $id: 'KeyRequest', description: '`admin` may do everything; the other scopes stand each for themselves.' },
);
