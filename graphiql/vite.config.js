import { appendFileSync, copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

const outDir = 'dist';
const licenses = 'LICENSES.md';

// What the bundled packages themselves contain, which the bundler cannot know.
function thirdPartyNotices() {
  const monaco = readFileSync('node_modules/monaco-editor/ThirdPartyNotices.txt', 'utf8').replaceAll('\r\n', '\n');
  return `
## Fonts in the style sheet of @graphiql/react

Fira Code, Copyright (c) 2014, The Fira Code Project Authors, SIL Open Font License 1.1.
Roboto, Copyright 2011 The Roboto Project Authors, Apache License 2.0 and SIL Open Font License 1.1.

## Third-party notices of monaco-editor

${monaco}`;
}

// The server embeds what stands in `dist` as it is, so every file is stored compressed.
const storeCompressed = {
  name: 'store-compressed',
  apply: 'build',
  closeBundle() {
    appendFileSync(join(outDir, licenses), thirdPartyNotices());
    copyFileSync(join(outDir, licenses), licenses);
    for (const entry of readdirSync(outDir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
      rmSync(path);
    }
  },
};

export default defineConfig({
  base: '/graphiql/',
  build: {
    outDir,
    emptyOutDir: true,
    sourcemap: false,
    // A preloading helper and inlined workers would need a looser content security policy.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 5000,
    license: { fileName: licenses },
    rolldownOptions: {
      onLog(level, log, report) {
        // 'use client' means nothing outside a server renderer.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') report(level, log);
      },
    },
  },
  worker: { format: 'es' },
  plugins: [storeCompressed],
});
