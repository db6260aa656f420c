/**
 * Session options (`extra`) that every graph is run with. onnxruntime's Pad_Fusion moves a Pad of zeros into the MaxPool
 * behind it, which pads with minus infinity: other numbers where all that a window sees is negative, as in Keras' ResNetV2.
 * Seen in 1.30.0; 1.32.0 has it right.
 */
export const FAULTS_OFF = { optimization: { disable_specified_optimizers: 'Pad_Fusion' } } as const;
