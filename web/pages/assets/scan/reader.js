// Reads QR codes off pictures, apart from the page, so that a slow phone's page stays quick. WebAssembly: for browsers without a
// reader of their own.

import { prepareZXingModule, readBarcodes } from "../vendor/zxing-wasm/es/reader/index.js";

const wasm = new URL("../vendor/zxing-wasm/zxing_reader.wasm", import.meta.url).href;
prepareZXingModule({ overrides: { locateFile: () => wasm }, fireImmediately: true }).then(
  () => postMessage({ ready: true }),
  () => postMessage({ broken: true }),
);

const OPTIONS = { formats: ["QRCode"], maxNumberOfSymbols: 1, tryHarder: true };

addEventListener("message", async ({ data }) => {
  let text = null;
  try {
    text = (await readBarcodes(data, OPTIONS))[0]?.text || null;
  } catch {
    // A picture that can't be read holds no code.
  }
  postMessage({ text });
});
