/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}
export interface Place extends Size {
  readonly left: number;
  readonly top: number;
}

/** The size at which the shorter side is `short`; the longer one's fraction is cut off, as torchvision's Resize does. */
export function shortSideOf({ width, height }: Size, short: number): Size {
  const of = (side: number, other: number): number => (side <= other ? short : Math.trunc((short * side) / other));
  return { width: of(width, height), height: of(height, width) };
}

/**
 * A square of `crop` in the middle; where that lies between two pixels, at the right or lower one. Others differ: torchvision takes the
 * even one, Transformers the left one. A pixel further is another picture where there is fine detail, so this stays as it is for the
 * models that were trained on it.
 */
export function centreOf({ width, height }: Size, crop: number): Place {
  const start = (side: number): number => Math.round((side - crop) / 2);
  return { left: start(width), top: start(height), width: crop, height: crop };
}
