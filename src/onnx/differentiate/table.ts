import { activationRules } from './activation.js';
import { curveRules } from './activation-curves.js';
import { arithmeticRules } from './arithmetic.js';
import { convolutionRules } from './convolution.js';
import { transposedConvolutionRules } from './convolution-transposed.js';
import { einsumRules } from './einsum.js';
import { gatherRules } from './gather.js';
import { linearRules } from './linear.js';
import { NATIVE } from './native.js';
import { normalisationRules } from './normalisation.js';
import { groupNormalisationRules } from './normalisation-groups.js';
import { localNormalisationRules } from './normalisation-local.js';
import { paddingRules } from './padding.js';
import { poolingRules } from './pooling.js';
import { normPoolingRules } from './pooling-norm.js';
import { rearrangeRules } from './rearrange.js';
import { recurrentRules } from './recurrent.js';
import { reductionRules } from './reduction.js';
import { normReductionRules } from './reduction-norms.js';
import { resampleRules } from './resample.js';
import { type RuleTable, ruleTable } from './rule.js';
import { scatterRules } from './scatter.js';
import { shapeRules } from './shape.js';
import { stopRules } from './stops.js';

const FAMILIES = [
  activationRules,
  arithmeticRules,
  convolutionRules,
  gatherRules,
  linearRules,
  normalisationRules,
  poolingRules,
  reductionRules,
  transposedConvolutionRules,
  einsumRules,
  groupNormalisationRules,
  paddingRules,
  rearrangeRules,
  resampleRules,
  scatterRules,
  curveRules,
  localNormalisationRules,
  normPoolingRules,
  normReductionRules,
  stopRules,
  recurrentRules,
  shapeRules,
];

/** Every operator that has a gradient, with the closed range of opsets it was tested on. */
export function standardRules(): RuleTable {
  const rules = ruleTable();
  for (const [opType, from, to, rule] of FAMILIES.flat()) rules.add(opType, from, to, rule);
  return rules;
}

/** As `standardRules`, for an engine that runs the operators of the domain `graft` itself (see `native.ts`). */
export function nativeRules(): RuleTable {
  const rules = ruleTable();
  for (const [opType, from, to, rule] of FAMILIES.flat())
    rules.add(opType, from, to, NATIVE.get(opType)?.(rule) ?? rule);
  return rules;
}
