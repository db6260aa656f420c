export interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}
/** `after` is an opaque cursor from a page; a bad one throws `request-invalid`. */
export interface PageRequest {
  readonly limit: number;
  readonly after?: string;
}
