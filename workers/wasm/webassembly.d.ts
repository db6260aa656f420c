/** What is used of the WebAssembly JavaScript Interface (W3C), which the types of Node only name. */
declare namespace WebAssembly {
  class Memory {
    constructor(pages: { readonly initial: number; readonly maximum?: number });
    /** Another one after `grow`; what views there were on the one before are then empty. */
    readonly buffer: ArrayBuffer;
    /** By pages; throws RangeError where there is no memory. */
    grow(pages: number): number;
  }
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Instance {
    constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, Memory>>>>);
    readonly exports: Readonly<Record<string, unknown>>;
  }
}
