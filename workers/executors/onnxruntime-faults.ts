/**
 * Optimizers of onnxruntime that no graph is run with. Its Pad_Fusion moves a Pad of zeros into the MaxPool
 * behind it, which pads with minus infinity: other numbers where all that a window sees is negative, as in Keras' ResNetV2.
 * Seen in 1.30.0; 1.32.0 has it right.
 */
export const FAULTS: readonly string[] = ['Pad_Fusion'];

/** Session options (`extra`) that switch optimizers off. */
export const disabled = (optimizers: readonly string[]) => ({
  optimization: { disable_specified_optimizers: optimizers.join(';') },
});
