import { activationRules } from './activation.js';
import { arithmeticRules } from './arithmetic.js';
import { convolutionRules } from './convolution.js';
import { gatherRules } from './gather.js';
import { linearRules } from './linear.js';
import { normalisationRules } from './normalisation.js';
import { poolingRules } from './pooling.js';
import { reductionRules } from './reduction.js';
import { type RuleTable, ruleTable } from './rule.js';
import { shapeRules } from './shape.js';

const FAMILIES = [
  activationRules,
  arithmeticRules,
  convolutionRules,
  gatherRules,
  linearRules,
  normalisationRules,
  poolingRules,
  reductionRules,
  shapeRules,
];

/** Every operator that has a gradient, with the closed range of opsets it was tested on. */
export function standardRules(): RuleTable {
  const rules = ruleTable();
  for (const [opType, from, to, rule] of FAMILIES.flat()) rules.add(opType, from, to, rule);
  return rules;
}
