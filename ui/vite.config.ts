/** Build of the UI into the Python package, and a dev server that answers from the mock or a running Kaname. */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { mockApi } from "./dev/mock.ts";

const backend = process.env.KANAME_URL ?? "http://127.0.0.1:4400";
const mocked = process.env.KANAME_MOCK === "1";

export default defineConfig({
  plugins: [react(), ...(mocked ? [mockApi()] : [])],
  build: {
    outDir: process.env.KANAME_UI_OUT ?? "../src/kaname/static",
    emptyOutDir: true,
    target: "es2022",
    // The Content-Security-Policy forbids data: fonts and scripts; small SVGs stay files too.
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
    rolldownOptions: {
      output: {
        // A few larger files instead of forty tiny ones: fewer round trips, the same bytes.
        codeSplitting: {
          groups: [
            // Not what only some screens need: the virtual list, YAML, the editor.
            {
              name: "vendor",
              test: /node_modules\/(?!.*(react-virtual|virtual-core)|yaml\/|@codemirror|@lezer|@marijn|style-mod|crelt|w3c-keyname)/,
              priority: 2,
            },
            {
              name: "kit",
              test: /src\/(ui|api|i18n\/(index|formats|message)|access\/(api|project)|shell\/preferences)/,
              priority: 1,
            },
          ],
        },
      },
    },
  },
  server: mocked ? {} : { proxy: { "/api": backend, "/v1": backend } },
  preview: mocked ? {} : { proxy: { "/api": backend, "/v1": backend } },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
