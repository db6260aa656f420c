import type { Readable } from 'node:stream';

export interface BlobInfo {
  readonly key: string;
  readonly bytes: number;
  /** `sha256:<hex>` of the content. */
  readonly digest: string;
}
export interface PutOptions {
  /** More bytes than this end the write with `too-large`. */
  readonly maxBytes?: number;
  /** `sha256:<hex>`; other content ends the write with `digest-mismatch`. */
  readonly expectedDigest?: string;
  readonly signal?: AbortSignal;
}
/**
 * Named, immutable byte strings. One conformance suite runs over every implementation (Postgres, filesystem, S3).
 * `put` is all or nothing: a blob is visible only when its last byte, size and digest are in; a source that throws, a
 * full disk (`storage-full`) or an abort leaves nothing behind. Keys are `segment(/segment)*` of `[A-Za-z0-9._:-]+`.
 */
export interface BlobStore {
  put(key: string, source: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<BlobInfo>;
  stat(key: string): Promise<BlobInfo | null>;
  /** `range.end` is exclusive. Throws `not-found` before the first byte when there is no such blob. */
  open(key: string, range?: { start: number; end: number }): Promise<Readable>;
  read(key: string): Promise<Uint8Array>;
  /** Deleting what is not there is no error. */
  delete(key: string): Promise<void>;
  list(prefix: string): AsyncIterable<BlobInfo>;
  /** A path that may be opened for reading, where the blob is a local file; else null. */
  localPath(key: string): string | null;
}
