import { encodeModel, type Model, type Tensor } from '../../src/onnx/index.js';

/** What a tensor says of its data; a key that is null is left out. */
export type External = Partial<Record<'location' | 'offset' | 'length' | 'checksum', string | null>>;

/**
 * A model with the data of its initializers in a file beside it, each beginning at a page as `onnx.save` lays out large
 * ones: the two files. `changes` is what every tensor says instead.
 */
export function externally(model: Model, changes: External = {}): { readonly model: Buffer; readonly data: Buffer } {
  const PAGE = 4096;
  const parts: Uint8Array[] = [];
  let at = 0;
  const moved = ({ data, ...t }: Tensor): Tensor => {
    const said = { location: 'model.onnx_data', offset: `${at}`, length: `${data.length}`, ...changes };
    const padding = new Uint8Array((PAGE - (data.length % PAGE)) % PAGE);
    parts.push(data, padding);
    at += data.length + padding.length;
    const external = new Map(Object.entries(said).filter((entry): entry is [string, string] => entry[1] !== null));
    return { ...t, data: new Uint8Array(0), external };
  };
  const initializers = new Map([...model.graph.initializers].map(([name, t]) => [name, moved(t)]));
  return {
    model: Buffer.concat(encodeModel({ ...model, graph: { ...model.graph, initializers } })),
    data: Buffer.concat(parts),
  };
}
