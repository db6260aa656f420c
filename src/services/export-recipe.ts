import { decodeModel, numbers } from '../onnx/index.js';

/**
 * How a file is put together from files that are kept: pieces copied from them, and the bytes that are in none of them.
 * It is written when a model is published and followed at every download, so the file stays the very same whatever a later
 * version of the composing code would write. A recipe knows nothing of ONNX: of a model it holds operators, names and
 * small tensors, and of the large ones where they lie in the base, the head and the changed tensors.
 *
 * As bytes: `u32` length of the header (little endian), the header (UTF-8 JSON, a `Header`), then its literals one after the other.
 */
export type Sources = Readonly<Record<SourceName, Uint8Array | null>>;
type SourceName = 'base' | 'head' | 'changed';
type Piece =
  | { readonly literal: number }
  | { readonly copy: SourceName; readonly at: number; readonly bytes: number }
  /** `bytes` of half precision numbers (IEEE binary16, little endian), written as binary32: twice the bytes. */
  | { readonly widen: SourceName; readonly at: number; readonly bytes: number };
interface Header {
  readonly format: 'graft-recipe/1';
  readonly pieces: readonly Piece[];
}
const FORMAT = 'graft-recipe/1';
/** Less than this is cheaper as a literal. */
const SMALLEST_COPY = 256;

/**
 * The recipe of a file whose chunks were composed from `sources`: a chunk that is a view of a source is a copy of that place,
 * one that holds the base's half precision numbers in single precision says so, and any other is a literal.
 */
export function recipeOf(chunks: readonly Uint8Array[], sources: Sources): Uint8Array {
  const halves = halfTensors(sources.base);
  const pieces: Piece[] = [];
  const literals: Uint8Array[] = [];
  for (const chunk of chunks) {
    const found = chunk.length < SMALLEST_COPY ? null : (viewOf(chunk, sources) ?? widened(chunk, halves, sources));
    pieces.push(found ?? { literal: chunk.length });
    if (found === null) literals.push(chunk);
  }
  const header = Buffer.from(JSON.stringify({ format: FORMAT, pieces } satisfies Header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  return Buffer.concat([length, header, ...literals]);
}

function place(view: Uint8Array, source: Uint8Array): number | null {
  const at = view.byteOffset - source.byteOffset;
  return view.buffer === source.buffer && at >= 0 && at + view.length <= source.length ? at : null;
}

function viewOf(chunk: Uint8Array, sources: Sources): Piece | null {
  for (const name of ['base', 'head', 'changed'] as const) {
    const source = sources[name];
    const at = source === null ? null : place(chunk, source);
    if (at !== null) return { copy: name, at, bytes: chunk.length };
  }
  return null;
}

/** The base's tensors in half precision, by length. */
function halfTensors(base: Uint8Array | null): ReadonlyMap<number, readonly Uint8Array[]> {
  const found = new Map<number, Uint8Array[]>();
  if (base === null) return found;
  for (const { dataType, data } of decodeModel(base).graph.initializers.values())
    if (dataType === 'float16') found.set(data.length, [...(found.get(data.length) ?? []), data]);
  return found;
}

function widened(chunk: Uint8Array, halves: ReturnType<typeof halfTensors>, sources: Sources): Piece | null {
  for (const half of halves.get(chunk.length / 2) ?? []) {
    const at = place(half, sources.base as Uint8Array);
    if (at !== null && Buffer.compare(singleOf(half), chunk) === 0) return { widen: 'base', at, bytes: half.length };
  }
  return null;
}

function singleOf(half: Uint8Array): Uint8Array {
  const single = numbers({ name: '', dataType: 'float16', dims: [half.length / 2], data: half });
  return new Uint8Array(Float32Array.from(single).buffer);
}

/** The file of a recipe, in chunks; copies are views of the sources. Throws where recipe or sources are not whole. */
export function fillRecipe(recipe: Uint8Array, sources: Sources): Uint8Array[] {
  const bytes = Buffer.from(recipe.buffer, recipe.byteOffset, recipe.byteLength);
  let literalAt = 4 + bytes.readUInt32LE(0);
  const { format, pieces } = JSON.parse(bytes.toString('utf8', 4, literalAt)) as Header;
  if (format !== FORMAT) throw new Error(`the recipe is of format '${format}'; this version follows '${FORMAT}'`);
  const part = (of: Uint8Array | null, name: string, at: number, length: number): Uint8Array => {
    if (of === null || at + length > of.length)
      throw new Error(`the recipe takes bytes ${at} to ${at + length} of ${name}, which has ${of?.length ?? 'none'}`);
    return of.subarray(at, at + length);
  };
  return pieces.map((piece) => {
    if ('copy' in piece) return part(sources[piece.copy], piece.copy, piece.at, piece.bytes);
    if ('widen' in piece) return singleOf(part(sources[piece.widen], piece.widen, piece.at, piece.bytes));
    literalAt += piece.literal;
    return part(bytes, 'its literals', literalAt - piece.literal, piece.literal);
  });
}
