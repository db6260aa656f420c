import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import { GraftError, type ProblemItem } from '../errors.js';
import { pointer } from '../words.js';

/**
 * Nothing is removed, guessed or coerced, except that query strings, which have no types, become numbers and booleans.
 * The first mistake ends the check; only then are all of them listed, so that a huge body cannot cost a huge list.
 */
const COMMON = { removeAdditional: false, useDefaults: true, strict: false, verbose: true } as const;
const MOST_ERRORS = 50;
/** Bodies with more values than this get their first mistake only. */
const SMALL_BODY = 2_000;

interface Validators {
  readonly first: Ajv;
  readonly all: Ajv;
}
function validators(coerceTypes: boolean): Validators {
  const first = new Ajv({ ...COMMON, coerceTypes });
  const all = new Ajv({ ...COMMON, coerceTypes, allErrors: true });
  for (const ajv of [first, all]) addFormats.default(ajv);
  return { first, all };
}

/** A compiler over the shared schemas that were added to the app. */
export function validatorCompiler(shared: () => Readonly<Record<string, unknown>>): FastifySchemaCompiler<object> {
  const exact = validators(false);
  const coerced = validators(true);
  const known = new Set<string>();
  return ({ schema, httpPart }) => {
    for (const [id, definition] of Object.entries(shared())) {
      if (known.has(id)) continue;
      known.add(id);
      for (const { first, all } of [exact, coerced]) {
        first.addSchema(definition as object);
        all.addSchema(definition as object);
      }
    }
    const { first, all } = httpPart === 'querystring' ? coerced : exact;
    const check = first.compile(schema);
    let list: ValidateFunction | null = null;
    return (data: unknown) => {
      if (check(data)) return { value: data };
      let errors = check.errors ?? [];
      if (sizeOf(data) <= SMALL_BODY) {
        list ??= all.compile(schema);
        list(data);
        errors = list.errors ?? errors;
      }
      return { error: refusal(errors, httpPart ?? 'body') };
    };
  };
}

function sizeOf(value: unknown, limit = SMALL_BODY + 1): number {
  if (typeof value !== 'object' || value === null) return 1;
  let size = 1;
  for (const part of Object.values(value)) {
    size += sizeOf(part, limit - size);
    if (size >= limit) break;
  }
  return size;
}

const PLACES: Readonly<Record<string, string>> = {
  body: 'The body',
  querystring: 'The query',
  params: 'The address',
  headers: 'The headers',
};

function refusal(errors: readonly ErrorObject[], part: string): GraftError {
  const items = itemsOf(errors).slice(0, MOST_ERRORS);
  const first = items[0];
  const more = items.length > 1 ? ` (and ${items.length - 1} more, see errors)` : '';
  return new GraftError(
    'request-invalid',
    `${PLACES[part] ?? 'The request'} does not fit: ${first === undefined ? 'see errors' : `${first.path || '/'} ${first.detail}`}${more}.`,
    { errors: items },
  );
}

/** One item a place: the alternatives of an `anyOf` are told together, in words. */
function itemsOf(errors: readonly ErrorObject[]): ProblemItem[] {
  const unions = errors.filter((error) => error.keyword === 'anyOf');
  const items = new Map<string, ProblemItem>();
  for (const error of errors) {
    if (unions.some((union) => union !== error && error.schemaPath.startsWith(`${union.schemaPath}/`))) continue;
    const item = itemOf(error);
    const key = `${item.path} ${item.code}`;
    if (!items.has(key)) items.set(key, item);
  }
  return [...items.values()];
}

function itemOf(error: ErrorObject): ProblemItem {
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(params.additionalProperty);
      const known = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
      const detail = known.length === 0 ? 'is not taken here' : `is not known here; known are ${known.join(', ')}`;
      return { path: `${error.instancePath}/${pointer(name)}`, code: 'field-unknown', detail };
    }
    case 'required':
      return {
        path: `${error.instancePath}/${pointer(String(params.missingProperty))}`,
        code: 'field-missing',
        detail: 'is missing',
      };
    default: {
      const expected = expectedBy(error.parentSchema as Schema);
      const given = givenIn(error);
      return {
        path: error.instancePath,
        code: error.keyword === 'type' ? 'type-wrong' : 'value-wrong',
        detail: expected === '' ? (error.message ?? 'does not fit') : `must be ${expected}, not ${given}`,
      };
    }
  }
}

interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly format?: string;
}
const KINDS: Readonly<Record<string, string>> = {
  integer: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
};

/** What a schema takes, in words: `"auto" or a whole number from 1 to 10000`. */
function expectedBy(schema: Schema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(expectedBy).join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) {
    const all = schema.enum.map((value) => JSON.stringify(value)).join(', ');
    return schema.enum.length === 1 ? all : `one of ${all}`;
  }
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  const kind = types.map((type) => KINDS[type] ?? type).join(' or ');
  return [kind, range(schema), sizes(schema), schema.format && `(${schema.format})`].filter(Boolean).join(' ');
}
function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): string {
  const parts = [
    minimum !== undefined && maximum !== undefined && `from ${minimum} to ${maximum}`,
    minimum !== undefined && maximum === undefined && `of ${minimum} or more`,
    exclusiveMinimum !== undefined && `above ${exclusiveMinimum}`,
    exclusiveMaximum !== undefined && `below ${exclusiveMaximum}`,
    maximum !== undefined && minimum === undefined && `up to ${maximum}`,
  ];
  return parts.filter(Boolean).join(' and ');
}
function sizes({ minLength, maxLength, minItems, maxItems, pattern }: Schema): string {
  const least = minLength ?? minItems;
  const most = maxLength ?? maxItems;
  const unit = minItems !== undefined || maxItems !== undefined ? 'items' : 'characters';
  const count =
    most !== undefined ? `of ${least ?? 0} to ${most} ${unit}` : least ? `of at least ${least} ${unit}` : '';
  return [count, pattern && `matching ${pattern}`].filter(Boolean).join(' ');
}
/** What stands there instead: a list or a text of the wrong size is told by its size. */
function givenIn({ keyword, data }: ErrorObject): string {
  if (Array.isArray(data) && /^m(in|ax)Items$/.test(keyword)) return `of ${data.length}`;
  if (typeof data === 'string' && keyword === 'maxLength') return `of ${data.length}`;
  return shown(data);
}
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
