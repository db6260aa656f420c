import { join, resolve } from 'node:path';
import { examplePictures, SOURCES } from './example-pictures.mjs';
import { rawPixels } from './raw-pixels.mjs';

/** Shows the main job on pictures and says how to use its model. `given`: a folder of the user's own. */
export async function showPictures({ url, apiKey, work, given }) {
  const { runDemo } = await import(new URL('../../dist/clients/cli/demo.js', import.meta.url).href);
  if (given === undefined) {
    console.log(
      'Drawing the example: is it an animal, food or a vehicle? It learns from emoji of two styles, and is tried on',
    );
    console.log('a third style and on things that it saw in no style.');
    for (const { credit, folder } of SOURCES)
      console.log(`  ${folder === 'val' ? 'tried on   ' : 'learns from'}  ${credit}`);
  }
  const served = await runDemo({
    url,
    apiKey,
    folder: given === undefined ? await examplePictures(join(work, 'pictures')) : resolve(given),
    rawPixels: { name: 'raw-pixels', path: await rawPixels(join(work, 'raw-pixels.onnx')) },
  });
  if (served === null) return null;
  const { model, picture } = served;
  const { path, mediaType } = picture ?? { path: 'picture.png', mediaType: 'image/png' };
  console.log(`
The model is served:
  Predict   curl ${url}/v1/models/${model}/predict -H 'content-type: ${mediaType}' --data-binary '@${path}'
  Take it   npx graft models download ${model}
  Docs      ${url}/docs
  Yours     npm run demo -- FOLDER, or npx graft train FOLDER`);
  return served;
}
