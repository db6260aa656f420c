import { join, resolve } from 'node:path';
import { bagOfPieces } from './bag-of-pieces.mjs';
import { CREDIT, exampleTexts } from './example-texts.mjs';

/** Shows the main job on texts and says how to use its model. `given`: a table of the user's own. */
export async function showTexts({ url, apiKey, root, work, given }) {
  const { runTextDemo } = await import(new URL('../../dist/clients/cli/text-demo.js', import.meta.url).href);
  if (given === undefined) {
    console.log(
      'The example: the name of an emoji, say "potted plant". What is it: an activity, an animal or nature, food,',
    );
    console.log('an object, or of travel? A third of the names is kept back to try it on.');
    console.log(`  names and categories  ${CREDIT}`);
  }
  const model = await runTextDemo({
    url,
    apiKey,
    ...(given === undefined ? exampleTexts(join(work, 'texts.csv')) : { file: resolve(given), keptBack: [] }),
    bag: {
      name: 'bag-of-pieces',
      path: await bagOfPieces(join(root, 'bases/text-small'), join(work, 'bag-of-pieces.zip')),
    },
  });
  if (model === null) return null;
  console.log(`
The model is served:
  Predict   npx graft predict ${model} "a text"
  Take it   npx graft models download ${model} (with its tokenizer, as Python and transformers.js load it)
  Docs      ${url}/docs
  Yours     npm run demo -- --text FILE.csv, or npx graft train FILE.csv`);
  return model;
}
