import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { hyperparameterOptions, hyperparametersOf } from '../../../clients/cli/hyperparameters.js';

const contract = parse(readFileSync(join(import.meta.dirname, '../../../openapi.yaml'), 'utf8'));

describe('options of hyperparameters', () => {
  it('are there for every field of the contract, and for nothing else', () => {
    const fields = Object.keys(contract.components.schemas.HyperparametersRequest.properties);
    const kebab = (field: string) => field.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
    expect(Object.keys(hyperparameterOptions).sort()).toEqual(fields.map(kebab).sort());
    for (const about of Object.values(hyperparameterOptions)) expect(about).not.toBe('');
  });

  it('become fields; what was not given is left out', () => {
    expect(hyperparametersOf({ 'micro-batch': '8', 'average-decay': '0.99', unfreezing: 'gradual' })).toEqual({
      microBatch: 8,
      averageDecay: 0.99,
      unfreezing: 'gradual',
    });
    expect(hyperparametersOf({})).toEqual({});
    expect(() => hyperparametersOf({ epochs: 'ten' })).toThrow(/--epochs is a number, not 'ten'/);
  });

  it('take weights of labels as pairs, or a word', () => {
    expect(hyperparametersOf({ 'class-weights': 'balanced' })).toEqual({ classWeights: 'balanced' });
    expect(hyperparametersOf({ 'class-weights': 'red ants=2,bees=0.5' })).toEqual({
      classWeights: { 'red ants': 2, bees: 0.5 },
    });
    for (const wrong of ['ants=', 'ants=0', '=2', 'ants=2,bees'])
      expect(() => hyperparametersOf({ 'class-weights': wrong })).toThrow(/takes label=number pairs/);
  });
});
