/**
 * Layers below the head that may move in an epoch (from 0): they come in from the last to the first, evenly over the first half of the
 * epochs (Howard and Ruder 2018, arXiv 1801.06146, section 3.3, who open one an epoch).
 */
export function openLayers(unfreezing: 'none' | 'gradual', epoch: number, epochs: number, layers: number): number {
  if (unfreezing === 'none') return layers;
  const over = Math.max(1, Math.ceil(epochs / 2));
  return Math.min(layers, Math.ceil((layers * (epoch + 1)) / over));
}
