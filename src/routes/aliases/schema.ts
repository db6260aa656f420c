import { Type } from 'typebox';
import { closed, listOf, open, Time } from '../../http/schemas.js';

export const Alias = open(
  { object: Type.Literal('alias'), id: Type.String(), name: Type.String(), model: Type.String(), createdAt: Time },
  { $id: 'Alias', description: '`id` is the name.' },
);
export const AliasList = listOf(Alias);
export const AliasRequest = closed({ model: Type.String({ minLength: 1, maxLength: 200 }) }, { $id: 'AliasRequest' });
/** Names stand where ids stand, so they must not look like one. */
export const aliasParams = closed({
  name: Type.String({ pattern: '^(?!mdl_)[A-Za-z0-9][A-Za-z0-9._-]{0,99}$' }),
});
