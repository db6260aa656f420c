export interface Preprocessing {
  /**
   * The short side is resized to this many pixels (antialiased bilinear, as Pillow's), the long one in proportion, its fraction cut
   * off; then the centre is cropped, from (side - crop + 1) / 2 on, cut off too.
   */
  readonly resize: number;
  readonly crop: number;
  readonly layout: 'NCHW' | 'NHWC';
  readonly channels: 'RGB' | 'BGR' | 'GRAY';
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}
/** How texts are prepared for a base. */
export interface TextInput {
  /** Inputs of the graph by role, each int64 or int32 [N, L]; null where it has none of that role. */
  readonly inputs: { readonly ids: string; readonly mask: string | null; readonly types: string | null };
  /** Most tokens of one text, special ones included. */
  readonly maxLength: number;
  readonly padId: number;
  /** Tokens that the tokenizer knows. */
  readonly vocabulary: number;
  /** How the vectors of a text's tokens become one. */
  readonly pooling: 'mean' | 'cls' | 'max';
  /**
   * Set where a longer text is read in windows of `maxLength`, at most `most`, of which two neighbours share `overlap` of the
   * text's own tokens; left out where it is cut off.
   */
  readonly windows?: { readonly overlap: number; readonly most: number };
}
export type Pooling = TextInput['pooling'];
/** A file beside the model, a classifier of its own that reads the first token, the model that the base was made from; or nobody. */
export type PoolingSource = 'file' | 'classifier' | 'model' | 'assumed';
