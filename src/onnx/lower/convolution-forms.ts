import type { Window } from '../differentiate/convolution-window.js';
import { elements } from '../tensor.js';

/** Sizes that decide which form of a convolution's gradient is the fastest. */
export interface ConvolutionShape extends Window {
  readonly opset: number;
  /** Output channels, input channels of a group, groups. */
  readonly out: number;
  readonly perGroup: number;
  readonly group: number;
}

export type InputForm = 'conv' | 'transposed';
export type WeightForm = 'kernel' | 'product' | 'taps';

const all = (list: readonly number[], value: number): boolean => list.every((x) => x === value);

/**
 * Gradient by the input. At stride 1 `conv`: on two cores, batch 8, a depthwise 3x3 over 144 channels of 56x56 takes 4.0 ms
 * against 13.5 as `transposed`, over 32 of 112x112 3.1 against 19; a 1x1 up to twice as fast. Dense kernels on small maps
 * are faster `transposed`. Measured by `npm run bench:kernels`.
 */
export function inputForm(s: ConvolutionShape): InputForm {
  const single = all(s.kernel, 1);
  // Turning a kernel round needs slices backwards; a negative pad would be a crop.
  if (!all(s.strides, 1) || (!single && s.opset < 10)) return 'transposed';
  const fits = s.kernel.every((k, i) => {
    const span = (k - 1) * (s.dilations[i] as number);
    return span >= (s.begins[i] as number) && span >= (s.ends[i] as number);
  });
  if (!fits) return 'transposed';
  const small = s.output.every((d) => d <= 28);
  return s.group === 1 && !single && small ? 'transposed' : 'conv';
}

/**
 * Gradient by the weights. Depthwise: at stride 1 `taps` (one thread, batch 2: 2.8 ms for 32 channels of 112x112 against 10.2 as
 * `kernel`, 4.5 against 12.3 for 144 of 56x56), with strides `kernel` (8.1 against 20.9 for 96 of 112x112), without the ninefold
 * memory of unfolding. `product` for a kernel of one place, else `taps`. Measured by `npm run bench:kernels`.
 */
export function weightForm(s: ConvolutionShape): WeightForm {
  const even = all(s.strides, 1);
  if (s.perGroup === 1 && s.group === s.out && s.group > 1) return even ? 'taps' : 'kernel';
  const whole = all(s.kernel, 1) && even && all(s.begins, 0) && all(s.ends, 0);
  return whole && s.group === 1 ? 'product' : 'taps';
}

/**
 * Blocked gradient by the weights of a dense convolution: one product over all examples, instead of one per example (and place of
 * the kernel) whose results are summed. It moves every place's channels once more and pays where that is less than the partial
 * results: on small maps (processor time, blocks of 8: 512 x 512 3x3 on 7x7, batch 8, 38 ms against 93; 256 x 256 on 14x14 43
 * against 74, 128 x 128 on 28x28 65 against 67; 1280 x 320 1x1 on 7x7, batch 32, 33 against 122).
 */
export function columnsPay(s: Pick<ConvolutionShape, 'out' | 'perGroup' | 'output' | 'kernel'>): boolean {
  const seen = s.perGroup * elements(s.kernel);
  return elements(s.output) * (s.out + seen) < s.out * seen;
}
