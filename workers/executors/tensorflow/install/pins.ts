import { createHash } from 'node:crypto';

/** Everything that is downloaded, by version and digest: another content is refused. */
export const TFJS = {
  name: '@tensorflow/tfjs-node-gpu',
  version: '4.22.0',
  integrity: 'sha512-p//NN6DGiN4hInUmIkRffaFVMcdTREUMjPyjW04J7OXvB2zBlQimj61eFKSgRrH3f5TnOfKzb0n56he/B6a4bw==',
} as const;
/** Node-API's headers, the same for every Node: the addon is built for version 8 of it. */
export const NODE_HEADERS = {
  name: 'node-api-headers',
  version: '1.9.0',
  integrity: 'sha512-2oNILP4jXwRB4ywnYKjVk1YyJ96n2D4EOVJO6S3oYZ5PtbJrw3Yt9TpAuX3nBLMuzn74rnfGQrv13pS9vC+YiA==',
} as const;
export type NpmPin = typeof TFJS | typeof NODE_HEADERS;

export const TENSORFLOW_VERSION = '2.18.1';

/** Only libraries and headers are taken out of a wheel, so the Python that it is for does not matter. */
export interface WheelPin {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}
const wheel = (name: string, version: string, sha256: string): WheelPin => ({ name, version, sha256 });

export const CPU_WHEELS: readonly WheelPin[] = [
  wheel('tensorflow-cpu', TENSORFLOW_VERSION, '8e0f27dbd92c6d380ae0ccfe73c7343f65c127b0aa98467c30c2e71eda7c76a4'),
];
/** The CUDA build and what its extra `and-cuda` names. */
export const GPU_WHEELS: readonly WheelPin[] = [
  wheel('tensorflow', TENSORFLOW_VERSION, '442d2a774811789a8ad948e7286cb950fe3d87d3754e8cc6449d53b03dbfdaa6'),
  wheel('nvidia-cublas-cu12', '12.5.3.2', 'ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b'),
  wheel('nvidia-cuda-cupti-cu12', '12.5.82', 'bde77a5feb66752ec61db2adfe47f56b941842825b4c7e2068aff27c9d107953'),
  wheel('nvidia-cuda-nvcc-cu12', '12.5.82', 'b03e545b8e8c3ce7ebcd7fc44063180ff52ff01d064ece2127ed90a04ef12cd0'),
  wheel('nvidia-cuda-nvrtc-cu12', '12.5.82', '3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd'),
  wheel('nvidia-cuda-runtime-cu12', '12.5.82', '3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115'),
  wheel('nvidia-cudnn-cu12', '9.3.0.75', '9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d'),
  wheel('nvidia-cufft-cu12', '11.2.3.61', '9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8'),
  wheel('nvidia-curand-cu12', '10.3.6.82', '2823fb27de4e44dbb22394a6adf53aa6e1b013aca0f8c22867d1cfae58405536'),
  wheel('nvidia-cusolver-cu12', '11.6.3.83', '93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b'),
  wheel('nvidia-cusparse-cu12', '12.5.1.3', '016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752'),
  wheel('nvidia-nccl-cu12', '2.21.5', '8579076d30a8c24988834445f8d633c697d42397e92ffc3f63fa26766d25e0a0'),
  wheel('nvidia-nvjitlink-cu12', '12.5.82', 'f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212'),
];
/** How pip is told which of a version's wheels is meant. */
export const WHEEL_PLATFORM = ['--python-version=3.12', '--implementation=cp', '--abi=cp312'] as const;
export const WHEEL_TAGS = ['manylinux2014_x86_64', 'manylinux_2_17_x86_64', 'manylinux1_x86_64'] as const;

/** Bytes on disk: what is downloaded and what is unpacked, both there at one time. */
export const DISK_BYTES = { cpu: 1000 * 1024 ** 2, gpu: 7500 * 1024 ** 2, own: 16 * 1024 ** 2 } as const;

/** Headers that the addon's sources include; TensorFlow's other 9,800 stay in the wheel. */
export const HEADERS = [
  'tensorflow/c/c_api.h',
  'tensorflow/c/c_api_macros.h',
  'tensorflow/c/eager/c_api.h',
  'tensorflow/c/tf_attrtype.h',
  'tensorflow/c/tf_buffer.h',
  'tensorflow/c/tf_datatype.h',
  'tensorflow/c/tf_status.h',
  'tensorflow/c/tf_tensor.h',
  'tensorflow/c/tf_tstring.h',
  'tensorflow/core/platform/ctstring.h',
  'tensorflow/core/platform/ctstring_internal.h',
  'tsl/platform/ctstring.h',
  'tsl/platform/ctstring_internal.h',
  'xla/tsl/c/tsl_status.h',
] as const;
export const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'] as const;

/** Changes when any pinned part does, or the way it is put together. */
export function stackOf(flavour: 'cpu' | 'gpu' | 'own', folder: string | null): string {
  const parts = [1, flavour, folder, TFJS, NODE_HEADERS, flavour === 'gpu' ? GPU_WHEELS : CPU_WHEELS];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
