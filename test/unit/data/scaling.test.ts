import { expect, test } from 'vitest';
import { centreOf, shortSideOf } from '../../../workers/data/scaling.js';

test('the longer side loses its fraction, whichever it is', () => {
  expect(shortSideOf({ width: 500, height: 375 }, 256)).toEqual({ width: 341, height: 256 });
  // 354.57: torchvision does not round.
  expect(shortSideOf({ width: 500, height: 361 }, 256)).toEqual({ width: 354, height: 256 });
  expect(shortSideOf({ width: 361, height: 500 }, 256)).toEqual({ width: 256, height: 354 });
  expect(shortSideOf({ width: 7, height: 7 }, 32)).toEqual({ width: 32, height: 32 });
});

test('a middle between two pixels is the right or lower one', () => {
  expect(centreOf({ width: 341, height: 256 }, 224)).toEqual({ left: 59, top: 16, width: 224, height: 224 });
  expect(centreOf({ width: 224, height: 343 }, 224)).toEqual({ left: 0, top: 60, width: 224, height: 224 });
});
