/** The pure graph library: read, write, cut, graft, differentiate, describe and check ONNX models. No runtime, no I/O. */
export {
  type AttributeValue,
  attribute,
  attributes,
  float,
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  stringAttribute,
} from './attributes.js';
export { type Layout, layoutOf } from './axes.js';
export { blockedLayout } from './blocked/layout.js';
export { type GraphBuilder, graphBuilder, type OpOptions } from './builder.js';
export { check, examine } from './check/check.js';
export { type ModelProblem, type ModelProblem as Problem, sniff } from './check/sniff.js';
export { cut, cutMany, featureTrunk } from './cut.js';
export type { FoundClassifier, FoundCut } from './describe/cuts.js';
export { type BaseDescription, type DescribedValue, type DescribeOptions, describe } from './describe/describe.js';
export type { ImageInput, ImagePreprocessing, PreprocessingSource } from './describe/preprocessing.js';
export { differentiate, gradientName } from './differentiate/differentiate.js';
export { type Rule, type RuleContext, type RuleTable, ruleTable } from './differentiate/rule.js';
export { nativeRules, standardRules } from './differentiate/table.js';
export { modelDigest } from './digest.js';
export { type ElementwisePart, type ElementwiseParts, elementwiseParts } from './elementwise.js';
export { cast, constant, keepWhere, reduceMax, reduceSum, unsqueeze } from './emit.js';
export { OnnxError, type OnnxErrorCode } from './error.js';
export { inFloat32, isHalf } from './float32.js';
export { foldConstants, type ValueRunner } from './fold.js';
export { FROZEN, type FrozenSplit, splitFrozen } from './frozen.js';
export { fuseGelu, lowerGelu } from './gelu.js';
export { graft } from './graft.js';
export { constantNumbers, constantTensor, consumers, names, producers, statedType } from './graph.js';
export { type LinearHead, linearHead } from './head.js';
export { inferShapes, stated } from './infer.js';
export { inferenceForm } from './inference.js';
export { inlineBranches, inlineFunctions } from './inline.js';
export { HWCM, HWIO, kernelOrders } from './kernel-orders.js';
export { withoutLastCopies } from './last-copies.js';
export { lastLayers, type ParameterLayer, parameterLayers } from './layers.js';
export { liveBatchNorm, liveShapes, lowerLive, type Statistic } from './live-batch-norm.js';
export { type CrossEntropy, softmaxCrossEntropy, softTargetCrossEntropy } from './loss.js';
export { lowerGradients } from './lower/gradients.js';
export { alignedOpsets, changedOperators, NEWEST_IR, NEWEST_OPSET, OLDEST_OPSET } from './opsets.js';
export {
  type AdamW,
  adamW,
  clippedTo,
  GRADIENT_NORM,
  globalNorm,
  movingAverage,
  nextName,
  type Sgd,
  type StateEntry,
  type StepState,
  sgd,
  type Trained,
} from './optimizer.js';
export { overwritable } from './overwritable.js';
export { lying, type Pack, type Packed, packed, packsOf, unlying, unpacked, withPacks } from './packs.js';
export { initializersAsInputs, withInitializers } from './parameters.js';
export { decodeModel } from './proto/decode.js';
export { encodeModel } from './proto/encode.js';
export { externalFiles, MAX_MODEL_BYTES, type WholeModel, wholeModel } from './proto/external.js';
export type { FileRange } from './proto/external-range.js';
export { decodeTensor } from './proto/tensor.js';
export { renameOutputs, renameTensors } from './rename.js';
export { settled } from './settle.js';
export {
  type InputSizes,
  inputShapes,
  measureRest,
  measureShapes,
  measureShapesFor,
  type ShapeRunner,
  withAllOutputs,
  withDynamicBatch,
} from './shapes.js';
export { simplified } from './simplify.js';
export { byteLength, elements, numbers, renamed, tensor } from './tensor.js';
export { decodeTensors, encodeTensors } from './tensors-file.js';
export * from './types.js';
