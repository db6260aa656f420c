// The addon that BENCH_ADDON names, its kernels timed: every call blocks until it is done, so what a step takes beyond their
// sum is the engine's own. `spentMs` tells the milliseconds so far.
const real = require(process.env.BENCH_ADDON);
let spent = 0;

module.exports = {
  ...Object.fromEntries(Object.getOwnPropertyNames(real).map((name) => [name, real[name]])),
  executeOp(...call) {
    const begun = performance.now();
    try {
      return real.executeOp(...call);
    } finally {
      spent += performance.now() - begun;
    }
  },
  spentMs: () => spent,
};
