// The addon that BENCH_ADDON names, the library's work timed, kernel by kernel or a whole graph of its own: every call blocks
// until it is done, so what a step takes beyond their sum is the engine's own. `spentMs` tells the milliseconds so far.
const real = require(process.env.BENCH_ADDON);
let spent = 0;
const timed =
  (name) =>
  (...call) => {
    const begun = performance.now();
    try {
      return real[name](...call);
    } finally {
      spent += performance.now() - begun;
    }
  };

module.exports = {
  ...Object.fromEntries(Object.getOwnPropertyNames(real).map((name) => [name, real[name]])),
  executeOp: timed('executeOp'),
  runSavedModel: timed('runSavedModel'),
  spentMs: () => spent,
};
