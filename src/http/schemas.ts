import { type Static, type TSchema, Type } from 'typebox';
import { JOB_STATES } from '../domain/lifecycle.js';
import { TASKS } from '../domain/types.js';
import { ERROR_CODES } from '../errors.js';

/** The building blocks of every route's schema. Named schemas are shared components of the specification. */

/** A reference to a named schema: `$ref` to the validator and the specification, the schema's own type to TypeScript. */
export function ref<S extends TSchema>(schema: S) {
  return Type.Unsafe<Static<S>>({ $ref: `${(schema as { $id?: string }).$id}#` });
}
/** One of the given words. */
export function words<const T extends readonly string[]>(values: T, options: Record<string, unknown> = {}) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...options });
}
export function nullable<S extends TSchema>(schema: S) {
  return Type.Unsafe<Static<S> | null>({ anyOf: [schema, { type: 'null' }] });
}
/** An object that takes no other fields. */
export function closed<P extends Record<string, TSchema>>(properties: P, options: Record<string, unknown> = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options });
}
/** An object of the answers: fields may be added in later versions, so clients must not refuse others. */
export function open<P extends Record<string, TSchema>>(properties: P, options: Record<string, unknown> = {}) {
  return Type.Object(properties, options);
}

export const Time = Type.String({ format: 'date-time' });
export const Digest = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' });

/** Words that several objects use have a name of their own, so that generated clients have one type for them. */
export const ErrorCode = words(ERROR_CODES, { $id: 'ErrorCode', description: 'Stable; programs compare this one.' });
export const ENGINES = ['onnxruntime', 'tensorflow'] as const;
export const Task = words(TASKS, { $id: 'Task' });
export const Split = words(['train', 'validation', 'test'], { $id: 'Split' });
export const JobState = words(JOB_STATES, { $id: 'JobState' });
export const ContentState = words(['receiving', 'checking', 'ready', 'invalid'], { $id: 'ContentState' });

export const ProblemItem = open(
  {
    path: Type.String({
      description:
        'JSON pointer into the request, path inside an archive, row number, or address of what stands in the way.',
    }),
    code: Type.String(),
    detail: Type.String(),
  },
  { $id: 'ProblemItem' },
);
/** As it stands inside other objects (`error` of a job): without the fields of an answer. */
export const StoredProblem = open(
  {
    type: Type.String(),
    title: Type.String(),
    code: ref(ErrorCode),
    detail: Type.String(),
    errors: Type.Optional(Type.Array(ref(ProblemItem))),
  },
  { $id: 'StoredProblem', description: 'Why it failed.' },
);
export const Problem = open(
  {
    type: Type.String({ description: '`urn:graft:error:<code>`' }),
    title: Type.String(),
    status: Type.Integer(),
    code: ref(ErrorCode),
    detail: Type.String({ description: 'What went wrong, where, and how to mend it.' }),
    errors: Type.Optional(Type.Array(ref(ProblemItem))),
    instance: Type.Optional(Type.String({ description: 'The address that was asked.' })),
    requestId: Type.Optional(Type.String()),
  },
  { $id: 'Problem', description: 'RFC 9457 problem document.' },
);

/** `{"object": "list", …}` of a named schema, itself named `<Name>List`. */
export function listOf<S extends TSchema>(schema: S) {
  return open(
    {
      object: Type.Literal('list'),
      data: Type.Array(ref(schema)),
      hasMore: Type.Boolean(),
      nextCursor: Type.Unsafe<string | null>({
        type: ['string', 'null'],
        description: 'Give it as `after` to go on from here.',
      }),
    },
    { $id: `${(schema as { $id?: string }).$id}List` },
  );
}

const WHY: Readonly<Record<number, string>> = {
  400: 'Not understood: malformed JSON, an unknown field, a bad type',
  401: 'No key, or one that is not known',
  403: 'The key lacks the scope',
  404: 'There is no such thing',
  409: 'The state does not allow it',
  413: 'Too large; the problem says the limit',
  415: 'The media type is not taken; the problem says which are',
  422: 'Understood but impossible',
  429: 'Too many requests with this key; try again after `Retry-After` seconds',
  500: 'Something went wrong in the service',
  503: 'Too busy or a part is down; try again after `Retry-After` seconds',
  504: 'It took too long',
  507: 'No space left',
};
const EVERYWHERE = [400, 401, 403, 429, 500, 503];

/** The answers of a route: its own, and a problem document for each failure it may have besides those of every route. */
export function answers<R extends Record<number, TSchema>>(own: R, ...failures: readonly number[]): R {
  const all: Record<number, unknown> = { ...own };
  for (const status of [...EVERYWHERE, ...failures]) {
    if (status in own) continue;
    all[status] = {
      description: WHY[status] ?? 'Failed',
      content: { 'application/problem+json': { schema: ref(Problem) } },
    };
  }
  return all as R;
}
/** An answer without a body. */
export function nothing(description: string) {
  return Type.Unsafe<null>({ type: 'null', description });
}

export const PageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'How many at most.' }),
  after: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'Cursor: `nextCursor` of the page before.' }),
  ),
};
export const pageQuery = closed(PageQuery);
export const idParams = closed({ id: Type.String({ minLength: 1, maxLength: 200 }) });
/** Of every POST that creates. */
export const idempotencyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[\\x21-\\x7e]+$',
      description:
        'Any string of yours; a repeated request with the same key and body gets the first answer and creates nothing. Kept for 24 hours.',
    }),
  ),
});
