import type { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import { GraftError } from '../../errors.js';
import type { App, AppDeps } from '../../http/deps.js';
import { answers, idParams, ref } from '../../http/schemas.js';
import { unwanted } from '../../http/uploads.js';
import { predict } from '../../services/predict.js';
import { type GivenInput, imageOfBase64 } from '../../services/predict-inputs.js';
import { MAX_IMAGES, type Prediction } from '../../services/predict-protocol.js';
import type { ServedModels } from '../../services/served-models.js';
import * as schema from './schema.js';

const DEFAULT_TOP = 5;

interface Given {
  readonly inputs: readonly GivenInput[];
  readonly top?: number | undefined;
  readonly threshold?: number | undefined;
}

function tooLarge(limit: number): GraftError {
  return new GraftError(
    'too-large',
    `At most ${limit} bytes of inputs are taken at once. The operator sets the limit (GRAFT_MAX_PREDICT_MB).`,
  );
}

async function bytesOf(source: AsyncIterable<Buffer>, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.byteLength;
    if (bytes > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes);
}

async function fromForm(request: FastifyRequest, limit: number): Promise<Given> {
  const inputs: GivenInput[] = [];
  let left = limit;
  const numbers: { top?: number; threshold?: number } = {};
  for await (const part of request.parts({
    limits: { fileSize: Number.MAX_SAFE_INTEGER, files: MAX_IMAGES, fields: 10 },
  })) {
    if (part.type === 'file') {
      const bytes = await bytesOf(part.file, left).catch((error: unknown) => {
        part.file.destroy();
        throw error instanceof GraftError ? tooLarge(limit) : error;
      });
      left -= bytes.byteLength;
      inputs.push({ kind: 'image', bytes });
    } else if (part.fieldname === 'top' && /^[1-9]\d{0,2}$/.test(String(part.value))) {
      numbers.top = Number(part.value);
    } else if (part.fieldname === 'threshold' && /^(0(\.\d+)?|1(\.0+)?)$/.test(String(part.value))) {
      numbers.threshold = Number(part.value);
    } else {
      const wrong = FIELDS.get(part.fieldname);
      const detail = wrong ?? "is not known here; known are 'file' (one or many), 'top' and 'threshold'";
      throw new GraftError('request-invalid', `The form does not fit: /${part.fieldname} ${detail}.`, {
        errors: [{ path: `/${part.fieldname}`, code: wrong === undefined ? 'field-unknown' : 'value-wrong', detail }],
      });
    }
  }
  return { inputs, ...numbers };
}

const FIELDS: ReadonlyMap<string, string> = new Map([
  ['top', 'must be a whole number from 1 to 999'],
  ['threshold', 'must be a number from 0 to 1'],
]);

function fromJson({ inputs, top, threshold }: schema.PredictRequestBody): Given {
  return {
    inputs: inputs.map(givenInput),
    top,
    threshold,
  };
}

function givenInput({ image, text }: schema.PredictRequestBody['inputs'][number], index: number): GivenInput {
  if (image !== undefined && text === undefined) return imageOfBase64(image.base64);
  if (image === undefined && text !== undefined) return { kind: 'text', text };
  const which = image === undefined ? "neither 'image' nor 'text'" : "both 'image' and 'text'";
  const detail = `has ${which}; send one of them`;
  throw new GraftError('request-invalid', `The body does not fit: /inputs/${index} ${detail}.`, {
    errors: [{ path: `/inputs/${index}`, code: 'value-wrong', detail }],
  });
}

function predictionBody(one: Prediction): Static<typeof schema.Prediction> {
  if (!('error' in one)) return { ...one, top: [...one.top] };
  const { errors, ...error } = one.error;
  return { error: errors === undefined ? error : { ...error, errors: [...errors] } };
}

export function predictRoutes(app: App, deps: AppDeps, served: ServedModels): void {
  const limit = deps.config.maxPredictBytes;
  app.post(
    '/v1/models/:id/predict',
    {
      // Base64 needs four characters for three bytes.
      bodyLimit: Math.ceil((limit * 4) / 3) + 1024 * 1024,
      schema: {
        operationId: 'predict',
        summary: 'Predict, with a model or an alias',
        tags: ['models'],
        params: idParams,
        querystring: schema.predictQuery,
        body: { content: { 'application/json': { schema: ref(schema.PredictRequest) } } },
        response: answers({ 200: ref(schema.PredictionResult) }, 404, 413, 415, 422, 504),
      },
      config: { bodies: schema.PREDICT_BODIES },
    },
    async (request, reply) => {
      const signal = unwanted(reply);
      const type = request.headers['content-type'] ?? '';
      if (Number(request.headers['content-length'] ?? 0) > Math.ceil((limit * 4) / 3) + 1024 * 1024)
        throw tooLarge(limit);
      const model = await served.find(request.caller.projectId, request.params.id);
      const given: Given = request.isMultipart()
        ? await fromForm(request, limit)
        : /^application\/json\b/i.test(type)
          ? fromJson(request.body as schema.PredictRequestBody)
          : { inputs: [{ kind: 'image' as const, bytes: await bytesOf(request.body as Readable, limit) }] };
      const options = {
        top: given.top ?? request.query.top ?? DEFAULT_TOP,
        threshold: given.threshold ?? request.query.threshold ?? null,
      };
      const { predictions, timing } = await predict(deps.predictor, model, given.inputs, options, signal);
      return {
        object: 'prediction' as const,
        model: model.id,
        predictions: predictions.map(predictionBody),
        timing,
      };
    },
  );
}
