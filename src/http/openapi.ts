import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { stringify } from 'yaml';

export const API_VERSION = '0.1.0';
export const TAGS = [
  { name: 'datasets', description: 'Archives of examples, checked and reported on.' },
  { name: 'bases', description: 'Pre-trained ONNX models to start from.' },
  { name: 'jobs', description: 'Training: a base and a dataset become a model.' },
  { name: 'models', description: 'What jobs publish: evaluation, files, predictions.' },
  { name: 'aliases', description: 'Names that point at models, such as `production`.' },
  { name: 'keys', description: 'API keys and their scopes.' },
  { name: 'operations', description: 'Health, metrics and this description.' },
];
const DESCRIPTION = `Transfer learning as a service: upload a dataset, name a pre-trained ONNX model, POST a job; get a trained, served, downloadable model.

Every failure is a problem document (RFC 9457) with a stable \`code\`. Lists page by cursor. Every POST that creates takes an \`Idempotency-Key\`.`;

type Document = Record<string, unknown> & { paths: Record<string, unknown> };

/** Collects the routes that are registered after it; `specification` is their description once the app is ready. */
export function registerOpenapi(app: FastifyInstance): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Graft', version: API_VERSION, description: DESCRIPTION, license: { name: 'Apache-2.0' } },
      servers: [{ url: '/', description: 'Where this document was fetched from.' }],
      tags: TAGS,
      components: {
        securitySchemes: {
          apiKey: {
            type: 'http',
            scheme: 'bearer',
            description:
              '`Authorization: Bearer grft_…`. Scopes: `read`, `write`, `predict`, and `admin`, which may do everything. Not needed from the machine itself in the embedded default.',
          },
        },
      },
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => (json.$id as string) ?? `def-${index}` },
    // Bodies that are streams are not validated by schema, so they stand in the route's config and join here.
    transform: ({ schema, url, route }) => {
      const bodies = route.config?.bodies;
      const { body, ...rest } = { ...schema } as Record<string, unknown>;
      const content = (body as { content?: object } | undefined)?.content;
      const json = body === undefined ? {} : (content ?? { 'application/json': { schema: body } });
      if (bodies === undefined) return { schema: schema ?? {}, url };
      const extra = Object.fromEntries(Object.entries(bodies).map(([type, one]) => [type, { schema: one }]));
      return { schema: { ...rest, body: { content: { ...extra, ...json } } }, url };
    },
  });
}

/** The finished OpenAPI document. */
export function specification(app: FastifyInstance): Document {
  const document = JSON.parse(JSON.stringify(app.swagger())) as Document;
  for (const { parameters, requestBody } of operations(document)) {
    const json = requestBody?.content['application/json'];
    const [given, none] = json?.schema.anyOf ?? [];
    // What is validated as null where it is left out.
    if (requestBody !== undefined && json !== undefined && given !== undefined && none?.type === 'null') {
      requestBody.required = false;
      json.schema = given;
    }
    // The validator fills them in, so whoever asks may leave them out.
    for (const one of parameters ?? [])
      if (one.in === 'query' && one.schema?.default !== undefined) delete one.required;
  }
  return strip(document) as Document;
}

interface BodySchema {
  readonly type?: string;
  readonly anyOf?: readonly BodySchema[];
}
interface Operation {
  readonly requestBody?: { required?: boolean; readonly content: Readonly<Record<string, { schema: BodySchema }>> };
  readonly parameters?: { readonly in: string; required?: boolean; readonly schema?: { readonly default?: unknown } }[];
}
function operations(document: Document): readonly Operation[] {
  return Object.values(document.paths).flatMap((path) => Object.values(path as Readonly<Record<string, Operation>>));
}
export function toYaml(document: Document): string {
  return stringify(document, { lineWidth: 140, aliasDuplicateObjects: false });
}

/** Drops what is for validators and not for readers. */
function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== '$id')
      .map(([key, part]) => [key, part === 'Default Response' ? 'Done' : strip(part)]),
  );
}
