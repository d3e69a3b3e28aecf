// GraphQL codegen: from the committed schema and from the server's introspection it makes the same types.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { buildClientSchema, buildSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema, validateSchema } from 'graphql';
import { demo, ROOT } from '../slategate.js';

const run = promisify(execFile);
const HERE = fileURLToPath(new URL('..', import.meta.url));
const BUILT = join(HERE, 'built/codegen');
const SDL = join(ROOT, 'schema.graphql');

const FULL = {
  descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true,
  inputValueDeprecation: true, oneOf: true,
};

let server;
before(async () => {
  rmSync(BUILT, { recursive: true, force: true });
  mkdirSync(BUILT, { recursive: true });
  server = await demo();
});
after(() => server.stop());

/** Runs codegen over this schema: the generated files by name. */
async function generate(name, schema) {
  const folder = join(BUILT, name);
  const scalars = { DateTime: 'string', Date: 'string' };
  const config = { strictScalars: true, scalars };
  const generates = {
    [join(folder, 'types.ts')]: { plugins: ['typescript', 'typescript-operations'], config },
    [join(folder, 'client/')]: { preset: 'client', config, presetConfig: { persistedDocuments: true } },
  };
  mkdirSync(folder);
  const documents = join(HERE, 'projects/codegen/*.graphql');
  writeFileSync(join(folder, 'codegen.json'), JSON.stringify({ schema, documents, generates }));
  const { stdout, stderr } = await run(join(HERE, 'node_modules/.bin/graphql-codegen'), ['--config', join(folder, 'codegen.json')]);
  assert.doesNotMatch(stdout + stderr, /warn|deprecat|error/i);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const named = files.map((file) => join(file.parentPath, file.name)).filter((path) => !path.endsWith('codegen.json'));
  return new Map(named.map((path) => [path.slice(folder.length), readFileSync(path, 'utf8')]));
}

it('types come out alike from the file and from the server', { timeout: 120_000 }, async () => {
  const [fromFile, fromServer] = await Promise.all([
    generate('file', SDL),
    generate('server', { [server.graphql]: { headers: server.headers } }),
  ]);
  assert.ok(fromFile.has('/client/persisted-documents.json'), [...fromFile.keys()].join());
  assert.deepEqual([...fromServer.keys()].toSorted(), [...fromFile.keys()].toSorted());
  for (const [name, text] of fromFile) assert.deepEqual(difference(code(text), code(fromServer.get(name))), [], name);
});

it('introspection answers every question that a client can ask of a schema', async () => {
  const served = buildClientSchema(await server.ask(getIntrospectionQuery(FULL)));
  assert.deepEqual(validateSchema(served), []);
  const printed = (schema) => printSchema(lexicographicSortSchema(schema));
  assert.deepEqual(difference(printed(buildSchema(readFileSync(SDL, 'utf8'))), printed(served)), []);
});

/** Without comments: the generator makes some of them from files only. */
const code = (text) => text.replaceAll(/\/\*\*[^]*?\*\//g, '');

/** The lines that only one of the texts has. */
function difference(left, right) {
  const [a, b] = [left, right].map((text) => text.split('\n').map((line) => line.trimEnd()));
  const only = (mark, lines, others) => lines.filter((line) => !others.includes(line)).map((line) => `${mark} ${line}`);
  return [...only('-', a, b), ...only('+', b, a)];
}
