import { describe, expect, it } from 'vitest';
import { GraftError } from '../../../src/errors.js';
import { decodeFrame, type PredictRequest, encodeFrame as partsOf } from '../../../src/services/predict-protocol.js';

const encodeFrame = (of: PredictRequest): Buffer => Buffer.concat(partsOf(of));
const request: PredictRequest = {
  model: {
    id: 'mdl_a',
    task: 'image-classification',
    base: { id: 'base_a', digest: 'sha256:00' },
    cut: 'features',
    headKey: 'models/mdl_a/head',
    labels: ['ants', 'bees', 'Ödland 🐝'],
    preprocessing: {
      resize: 256,
      crop: 224,
      layout: 'NCHW',
      channels: 'RGB',
      scale: 1 / 255,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    },
    text: null,
  },
  inputs: [
    { kind: 'image', bytes: Buffer.from('first') },
    { kind: 'image', bytes: Buffer.alloc(0) },
    { kind: 'image', bytes: Buffer.from([0, 255, 10]) },
  ],
  top: 5,
};
const texts: PredictRequest = {
  model: {
    ...request.model,
    task: 'text-classification',
    preprocessing: null,
    text: {
      inputs: { ids: 'input_ids', mask: 'attention_mask', types: null },
      maxLength: 512,
      padId: 0,
      vocabulary: 30522,
      pooling: 'mean',
    },
  },
  inputs: [{ kind: 'text', bytes: Buffer.from('schön 🐝') }],
  top: 2,
};
/** Numbers that look random and are the same on every run (xorshift32). */
function randoms(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
function refusal(frame: Buffer): string | null {
  try {
    decodeFrame(frame);
    return null;
  } catch (error) {
    if (error instanceof GraftError && error.code === 'request-malformed') return error.detail;
    throw error;
  }
}
const withHeader = (header: unknown, tail = Buffer.alloc(0)): Buffer => {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json, tail]);
};

describe('prediction frame', () => {
  it('comes back as it was', () => {
    expect(decodeFrame(encodeFrame(request))).toEqual(request);
    expect(decodeFrame(encodeFrame(texts))).toEqual(texts);
  });

  it('is for images or for texts', () => {
    const both = { ...request, model: { ...request.model, text: texts.model.text } };
    expect(refusal(encodeFrame(both))).toMatch(/takes images \(model\/preprocessing\) or texts/);
    const unknown = { ...texts, inputs: [{ kind: 'sound', bytes: Buffer.from('a') }] };
    expect(refusal(encodeFrame(unknown as never))).toMatch(/inputs\/0\/kind must be one of image, text/);
  });

  it.each([
    ['nothing', Buffer.alloc(0), /0 bytes/],
    ['three bytes', Buffer.alloc(3), /3 bytes/],
    ['a header of 4 GB', Buffer.from([255, 255, 255, 255, 1]), /4294967295 bytes/],
    ['a header that is cut off', encodeFrame(request).subarray(0, 50), /header ends after 46 of/],
    ['no JSON', withHeader('{'), /not JSON/],
    ['JSON that is no object', withHeader('[]'), /header must be an object/],
    ['no model', withHeader({ inputs: [], top: 1 }), /model must be an object/],
    ['inputs that are no list', withHeader({ model: request.model, inputs: 3, top: 1 }), /1 to 1000 inputs/],
    [
      'another kind',
      withHeader({ model: request.model, inputs: [{ kind: 'sound', bytes: 0 }], top: 1 }),
      /one of image, text/,
    ],
    [
      'a negative length',
      withHeader({ model: request.model, inputs: [{ kind: 'image', bytes: -1 }], top: 1 }),
      /whole/,
    ],
    ['no labels', withHeader({ model: { ...request.model, labels: [] }, inputs: [], top: 1 }), /labels/],
    ['too few bytes', encodeFrame(request).subarray(0, -1), /inputs\/2 ends after 2 of 3 bytes/],
    ['too many bytes', Buffer.concat([encodeFrame(request), Buffer.from('x')]), /1 bytes follow/],
  ])('refuses %s', (_name, frame, why) => {
    expect(refusal(frame)).toMatch(why);
  });

  it('reads or refuses frames with bytes changed, cut or doubled, and never throws anything else', () => {
    const next = randoms(7);
    const whole = encodeFrame(request);
    let refused = 0;
    for (let round = 0; round < 5_000; round++) {
      const frame = Buffer.from(whole.subarray(0, next() % 8 === 0 ? next() % whole.length : whole.length));
      for (let n = next() % 6; n > 0 && frame.length > 0; n--) frame[next() % frame.length] = next() & 255;
      const doubled = next() % 16 === 0 ? Buffer.concat([frame, frame]) : frame;
      if (refusal(doubled) !== null) refused += 1;
    }
    expect(refused).toBeGreaterThan(1_000);
    for (let round = 0; round < 1_000; round++) refusal(Buffer.from(Array.from({ length: next() % 64 }, () => next())));
  });
});
