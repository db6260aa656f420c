import type { CardWords } from './words.js';

/** Needs only numpy, Pillow and onnxruntime; `test/integration/training` runs it as it stands. */
const SNIPPET = `import io, json, sys
import numpy as np
import onnxruntime
from PIL import Image, ImageCms, ImageOps

session = onnxruntime.InferenceSession("model.onnx")
about = session.get_modelmeta().custom_metadata_map
p, labels = json.loads(about["preprocessing"]), json.loads(about["labels"])

image = ImageOps.exif_transpose(Image.open(sys.argv[1]))
if "icc_profile" in image.info and image.mode in ("RGB", "CMYK"):
    embedded = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    image = ImageCms.profileToProfile(image, embedded, ImageCms.createProfile("sRGB"), outputMode="RGB")
image = image.convert("L" if p["channels"] == "GRAY" else "RGB")
short = min(image.size)
image = image.resize([p["resize"] * n // short for n in image.size], Image.BILINEAR)
left, top = [(n - p["crop"] + 1) // 2 for n in image.size]
x = np.asarray(image.crop((left, top, left + p["crop"], top + p["crop"])), np.float32)
x = x[..., None] if p["channels"] == "GRAY" else x[..., ::-1] if p["channels"] == "BGR" else x
x = (x * np.float32(p["scale"]) - np.float32(p["mean"])) / np.float32(p["std"])
x = x.transpose(2, 0, 1) if p["layout"] == "NCHW" else x
taken = session.get_inputs()[0]
x = x[None].astype(np.uint8 if "uint8" in taken.type else np.float32)
# A file for a fixed number of pictures is given the same one as often.
x = x.repeat(taken.shape[0], 0) if isinstance(taken.shape[0], int) else x
[probabilities] = session.run(["probabilities"], {taken.name: x})
for i in probabilities[0].argsort()[::-1][:5]:
    print(f"{labels[i]}\\t{probabilities[0][i]:.4f}")
`;

export const PICTURE_CARD: CardWords = {
  kind: 'An image classifier',
  examples: 'pictures',
  about: '',
  use: `\`model.onnx\` is the whole model in plain ONNX operators: input as in \`preprocessing.json\`, outputs \`probabilities\` and \`logits\`.
Labels and preprocessing also stand in its \`metadata_props\`. With \`pip install onnxruntime pillow numpy\`:

\`\`\`python
${SNIPPET}\`\`\``,
};
