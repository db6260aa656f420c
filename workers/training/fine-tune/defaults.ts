/** A value for what was left to `auto`, and why. */
export type Default<T> = readonly [value: T, why: string];
export interface Defaults {
  readonly batchSize: Default<number>;
  readonly epochs: (perEpoch: number) => Default<number>;
  readonly rate: Default<number>;
  readonly schedule: Default<'cosine' | 'linear'>;
  readonly layerDecay: Default<number>;
  readonly patience: (epochs: number) => Default<number>;
  readonly dropout: Default<number>;
  readonly embeddings: Default<'frozen' | 'trained'> | null;
}
interface Facts {
  readonly examples: number;
  readonly scratch: boolean;
  readonly optimizer: 'adamw' | 'sgd';
  readonly batchNorm: 'live' | 'frozen';
  /** Features of an example, which tell how wide the layers are. */
  readonly width?: number;
}

const clamped = (x: number, least: number, most: number): number => Math.min(most, Math.max(least, Math.ceil(x)));

export function pictureDefaults(f: Facts): Defaults {
  const rates =
    f.optimizer === 'adamw' ? { scratch: 2e-3, live: 1e-4, still: 3e-5 } : { scratch: 0.05, live: 1e-2, still: 3e-3 };
  return {
    batchSize: [32, 'enough for a steady gradient, few enough for many steps'],
    // Enough steps to move, few enough to end: small data are seen more often.
    epochs: (perEpoch) =>
      f.scratch
        ? [30, 'fresh weights need many passes']
        : [clamped(96 / perEpoch, 4, 12), `${f.examples} examples are ${perEpoch} steps an epoch`],
    // Where nothing normalises anew, a step moves everything behind it: it must be smaller.
    rate: f.scratch
      ? [rates.scratch, 'fresh weights have everything to learn']
      : f.batchNorm === 'live'
        ? [rates.live, 'given weights must not be forgotten; live statistics even out what a step moves']
        : [rates.still, 'given weights must not be forgotten, and nothing normalises anew what a step moves'],
    schedule: ['cosine', 'large steps first, small ones to settle'],
    layerDecay: [1, 'all layers at one rate, after a warm-up'],
    patience: (epochs) =>
      f.scratch
        ? [epochs, 'to the end: fresh weights stand still and move on again']
        : [8, 'the best epoch comes early or not at all'],
    dropout: [0, 'varied pictures guard against learning by heart'],
    embeddings: null,
  };
}

/** Fewer texts show most words too seldom for their vectors to move in step with the others. */
const MANY_TEXTS = 20_000;

/** Width of BERT-base, whose usual rates are known. */
const USUAL_WIDTH = 768;

/**
 * How much larger steps a narrower encoder bears: Turc et al. 2019 (arXiv 1908.08962) go up to 3e-4 for small ones. By the
 * square of the width, which is what MiniLM's 384 ask for on SST-2's dev split.
 */
const forWidth = (rate: number, width = USUAL_WIDTH): number =>
  Number((rate * Math.min(6, (USUAL_WIDTH / width) ** 2)).toPrecision(2));

/** After Devlin et al. 2019 (arXiv 1810.04805, appendix A.3), which name rates of 2e-5 to 5e-5 and 2 to 4 epochs. */
export function textDefaults(f: Facts): Defaults {
  const rates = f.optimizer === 'adamw' ? { scratch: 5e-4, given: 5e-5 } : { scratch: 0.05, given: 5e-3 };
  const large = f.examples >= 5000;
  return {
    batchSize: large
      ? [32, 'many texts: a steady gradient and still many steps']
      : [16, 'few texts: small batches give more steps'],
    epochs: (perEpoch) =>
      f.scratch
        ? [clamped(2000 / perEpoch, 5, 30), 'fresh weights need many passes']
        : [clamped(500 / perEpoch, 3, 10), `${f.examples} texts are ${perEpoch} steps an epoch`],
    rate: f.scratch
      ? [rates.scratch, 'fresh weights have everything to learn']
      : [
          forWidth(rates.given, f.width),
          'given weights must not be forgotten; the narrower the layers, the larger the steps that they bear',
        ],
    schedule: ['linear', 'as encoders of text are usually fine-tuned'],
    layerDecay: f.scratch
      ? [1, 'fresh layers know equally little']
      : [0.98, 'what lies deep is of use for any text; about a tenth less for each block of an encoder'],
    patience: (epochs) =>
      f.scratch
        ? [epochs, 'to the end: fresh weights stand still and move on again']
        : [2, 'texts are soon learnt by heart'],
    dropout: [0.1, 'few texts are soon learnt by heart; the head sees nine tenths of the features at a time'],
    embeddings: f.scratch
      ? ['trained', 'fresh vectors mean nothing']
      : f.examples >= MANY_TEXTS
        ? ['trained', `${f.examples} texts show many words often enough`]
        : ['frozen', `${f.examples} texts show most words too seldom; the others would move away from them`],
  };
}
