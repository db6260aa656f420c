/**
 * Standard operators by the opset that brought them (https://onnx.ai/onnx/operators/), and the last one that has them where
 * they were withdrawn. What is not here is either experimental (withdrawn before opset 10) or no standard operator at all.
 */
const SINCE: Readonly<Record<number, string>> = {
  1: 'Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Clip Concat Constant Conv ConvTranspose DepthToSpace Div Dropout Elu Equal Exp Flatten Floor GRU Gather Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater HardSigmoid Hardmax Identity If InstanceNormalization LRN LSTM LeakyRelu Less Log LogSoftmax Loop LpNormalization LpPool MatMul Max MaxPool MaxRoiPool Mean Min Mul Neg Not Or PRelu Pad Pow RNN RandomNormal RandomNormalLike RandomUniform RandomUniformLike Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Selu Shape Sigmoid Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh Tile TopK Transpose Unsqueeze Xor',
  6: 'Tile',
  7: 'Acos Asin Atan Cos Multinomial Sin Tan',
  8: 'Expand Scan',
  9: 'Acosh Asinh Atanh BitShift Compress ConstantOfShape Cosh Erf EyeLike IsNaN MaxUnpool MeanVarianceNormalization NonZero OneHot Shrink Sign Sinh TfIdfVectorizer Where',
  10: 'ConvInteger DequantizeLinear IsInf MatMulInteger Mod NonMaxSuppression QLinearConv QLinearMatMul QuantizeLinear Resize ReverseSequence RoiAlign StringNormalizer ThresholdedRelu',
  11: 'BitShift ConcatFromSequence CumSum Det DynamicQuantizeLinear GatherElements GatherND Range Round ScatterElements ScatterND SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SplitToSequence Unique',
  12: 'Celu Einsum GreaterOrEqual LessOrEqual NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss',
  14: 'HardSwish Trilu',
  15: 'Bernoulli CastLike Optional OptionalGetElement OptionalHasElement',
  16: 'GridSample',
  17: 'BlackmanWindow DFT HammingWindow HannWindow LayerNormalization MelWeightMatrix STFT SequenceMap',
  18: 'BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CenterCropPad Col2Im GroupNormalization Mish',
  19: 'DeformConv',
  20: 'AffineGrid Gelu ImageDecoder RegexFullMatch StringConcat StringSplit ConstantOfShape',
  22: 'EyeLike',
  23: 'Attention RMSNormalization RotaryEmbedding',
  24: 'Swish TensorScatter',
  26: 'BitCast CumProd',
};
const UNTIL: Readonly<Record<string, number>> = { Upsample: 9, Scatter: 26 };

const first = new Map<string, number>([
  ['Upsample', 7],
  ['Scatter', 9],
]);
for (const [version, list] of Object.entries(SINCE))
  for (const name of list.split(' ')) if (!first.has(name)) first.set(name, Number(version));

/** Versions that have the operator, or null where none does. */
export function operatorRange(opType: string): { readonly from: number; readonly to: number } | null {
  const from = first.get(opType);
  return from === undefined ? null : { from, to: UNTIL[opType] ?? Number.POSITIVE_INFINITY };
}

/** onnxruntime's own operators that quantisers and optimizers write into files (domain com.microsoft); they run, forward only. */
const CONTRIBUTED: ReadonlySet<string> = new Set(
  'Attention BiasGelu BiasSoftmax BiasSplitGelu DequantizeLinear DynamicQuantizeLSTM DynamicQuantizeMatMul EmbedLayerNormalization FastGelu FusedConv FusedGemm FusedMatMul FusedMatMulActivation Gelu GroupQueryAttention Inverse MatMulInteger16 MatMulIntegerToFloat MatMulNBits MultiHeadAttention NhwcMaxPool QAttention QEmbedLayerNormalization QGemm QLinearAdd QLinearAveragePool QLinearConcat QLinearConv QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul QLinearReduceMean QLinearSigmoid QLinearSoftmax QLinearWhere QuantizeLinear QuickGelu RotaryEmbedding SimplifiedLayerNormalization SkipLayerNormalization SkipSimplifiedLayerNormalization'.split(
    ' ',
  ),
);
/** onnxruntime writes these without a domain. */
const UNDOMAINED: ReadonlySet<string> = new Set(['SimplifiedLayerNormalization', 'SkipSimplifiedLayerNormalization']);

export const contributed = (domain: string, opType: string): boolean =>
  (domain === 'com.microsoft' && CONTRIBUTED.has(opType)) || (domain === '' && UNDOMAINED.has(opType));

/** Versions of ai.onnx.ml that onnxruntime 1.30 was seen to run. */
export const ML_OPSETS = { from: 1, to: 5 } as const;
const ML: ReadonlySet<string> = new Set(
  'ArrayFeatureExtractor Binarizer CastMap CategoryMapper DictVectorizer FeatureVectorizer Imputer LabelEncoder LinearClassifier LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor ZipMap'.split(
    ' ',
  ),
);
export const mlOperator = (opType: string): boolean => ML.has(opType);

/** Whether an operator computes on quantised integers: it runs forward, but has no gradient. */
export const quantised = (opType: string): boolean =>
  /^(QLinear|QGemm|Quantize|Dequantize|DynamicQuantize|MatMulInteger|ConvInteger|QAttention)/.test(opType);
