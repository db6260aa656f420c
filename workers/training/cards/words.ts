/** What a model card says of the kind of its examples, as Markdown. */
export interface CardWords {
  /** 'An image classifier', ... */
  readonly kind: string;
  /** 'pictures', ... */
  readonly examples: string;
  /** A paragraph behind what the model was made from; empty where there is none. */
  readonly about: string;
  /** How the files are used, with code that works as it stands. */
  readonly use: string;
}
