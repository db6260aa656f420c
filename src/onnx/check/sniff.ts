/** One reason why a file cannot be a base. `path` names the tensor, node or part that it is about ('' for the file). */
export interface ModelProblem {
  readonly code: string;
  readonly path: string;
  readonly detail: string;
}

const text = (bytes: Uint8Array, length: number): string =>
  String.fromCharCode(...bytes.subarray(0, Math.min(length, bytes.length)));
const startsWith = (bytes: Uint8Array, magic: readonly number[], at = 0): boolean =>
  magic.every((byte, i) => bytes[at + i] === byte);

const BINARY: readonly { magic: readonly number[]; at?: number; detail: string }[] = [
  {
    magic: [0x50, 0x4b, 3, 4],
    detail:
      'The file is a zip archive (PyTorch saves its checkpoints so). Export the network with torch.onnx.export and upload the .onnx file.',
  },
  { magic: [0x1f, 0x8b], detail: 'The file is compressed with gzip. Unpack it and upload the .onnx file.' },
  {
    magic: [0x89, 0x48, 0x44, 0x46],
    detail: 'The file is an HDF5 file (Keras). Convert it with tf2onnx and upload the .onnx file.',
  },
  {
    magic: [0x54, 0x46, 0x4c, 0x33],
    at: 4,
    detail: 'The file is a TensorFlow Lite model. Convert it with tf2onnx and upload the .onnx file.',
  },
  {
    magic: [0x4f, 0x52, 0x54, 0x4d],
    at: 4,
    detail: "The file is in onnxruntime's own ORT format. Upload the .onnx file it was made from.",
  },
  {
    magic: [0x80, 0x02],
    detail: 'The file is a Python pickle (a PyTorch checkpoint). Export the network with torch.onnx.export.',
  },
  { magic: [0x89, 0x50, 0x4e, 0x47], detail: 'The file is a PNG image.' },
  { magic: [0xff, 0xd8, 0xff], detail: 'The file is a JPEG image.' },
];

/**
 * Recognises, by its first bytes, what people upload instead of an ONNX model; null where it may be one. Look here before
 * decoding: a web page can pass for broken protobuf.
 */
export function sniff(bytes: Uint8Array): ModelProblem | null {
  const problem = (code: string, detail: string): ModelProblem => ({ code, path: '', detail });
  if (bytes.length === 0) return problem('not-onnx', 'The file is empty.');
  const head = text(bytes, 512);
  const start = head.replace(/^(\xef\xbb\xbf)?\s+/, '').toLowerCase();
  if (start.startsWith('version https://git-lfs')) {
    const size = /size (\d+)/.exec(head)?.[1];
    return problem(
      'lfs-pointer',
      `The file is a Git LFS pointer, not the model${size ? ` (which has ${size} bytes)` : ''}. Fetch the content with 'git lfs pull', or download the raw file, and upload that.`,
    );
  }
  if (/^<(!doctype html|html|head|!--)/.test(start))
    return problem(
      'html-page',
      'The file is a web page saved under the name of a model. Download the file itself (the "raw" or "download" link).',
    );
  if (start.startsWith('<?xml') || start.startsWith('<'))
    return problem('not-onnx', 'The file is an XML document, not an ONNX model.');
  for (const { magic, at, detail } of BINARY) if (startsWith(bytes, magic, at)) return problem('not-onnx', detail);
  if (bytes[8] === 0x7b && bytes[9] === 0x22 && startsWith(bytes, [0, 0], 6))
    return problem(
      'not-onnx',
      'The file is a safetensors file: weights without the network. Export the network to ONNX.',
    );
  if (/^[\t\n\r\x20-\x7e]{16,}$/.test(head)) return problem('not-onnx', 'The file is a text file, not an ONNX model.');
  return null;
}
