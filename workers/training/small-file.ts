/** A small file that is published with a model. */
export interface SmallFile {
  readonly name: string;
  readonly contentType: string;
  readonly content: string;
}

export const jsonFile = (name: string, value: unknown): SmallFile => ({
  name,
  contentType: 'application/json',
  content: `${JSON.stringify(value, null, 2)}\n`,
});
