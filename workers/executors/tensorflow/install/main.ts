import { parseArgs } from 'node:util';
import { readConfig } from '../../../../src/config.js';
import { tensorflowFolder } from '../installation.js';
import { InstallError } from './command.js';
import { installTensorflow, removeTensorflow, STEPS } from './install.js';
import { steps } from './steps.js';

/** `npm run engine:tensorflow`. Ends with 0 where the engine is there and runs (with --remove: is gone), else with 1. */
const HELP = `npm run engine:tensorflow               TensorFlow for this machine's processor
npm run engine:tensorflow -- --gpu      for an NVIDIA GPU (CUDA 12; about 3 GB to fetch)
npm run engine:tensorflow -- --tensorflow DIR    with a TensorFlow that is installed already
npm run engine:tensorflow -- --remove
The engine lies in GRAFT_HOME/engines/tensorflow (or GRAFT_ENGINE_HOME's); a running service finds it by itself.`;

try {
  process.exitCode = await main();
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  if (!(error instanceof InstallError) && !code?.startsWith('ERR_PARSE_ARGS')) throw error;
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      gpu: { type: 'boolean', default: false },
      tensorflow: { type: 'string' },
      remove: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (Number(values.gpu) + Number(values.tensorflow !== undefined) + Number(values.remove) > 1)
    throw new InstallError(`--gpu, --tensorflow and --remove go alone.\n${HELP}`);
  const { engineHome: home } = readConfig();
  if (values.remove) {
    console.log(
      (await removeTensorflow(home)) ? `Removed ${tensorflowFolder(home)}.` : 'There is no TensorFlow engine.',
    );
    return 0;
  }
  const flavour = values.gpu ? 'gpu' : values.tensorflow !== undefined ? 'own' : 'cpu';
  const begun = performance.now();
  const done = await installTensorflow({ home, flavour, library: values.tensorflow ?? null }, steps(STEPS));
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  console.log(
    `TensorFlow ${done.version} on ${done.device} ${done.changed ? `is installed in ${tensorflowFolder(home)} (${seconds} s)` : 'is installed already'} and has run a kernel.`,
  );
  if (values.gpu && !done.gpu)
    console.log(
      'It found no GPU: it runs on the processor until there is one (`nvidia-smi` tells whether the driver sees it).',
    );
  return 0;
}
