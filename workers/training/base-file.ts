import { readFile } from 'node:fs/promises';
import { decodeModel, type Model } from '../../src/onnx/index.js';

/** A base's file and what it holds; the tensors of the model are views of its bytes. */
export interface BaseFile {
  readonly bytes: Uint8Array;
  readonly model: Model;
}
/** Reads it when it is first asked for, and once only: every part of a job looks into the same bytes. */
export type ReadBase = () => Promise<BaseFile>;

export function baseReader({ path }: { readonly path: string }): ReadBase {
  let read: Promise<BaseFile> | null = null;
  return () => {
    read ??= readFile(path).then((bytes) => ({ bytes, model: decodeModel(bytes) }));
    return read;
  };
}
