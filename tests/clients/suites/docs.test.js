// The examples of the README and of docs/, as they stand there: each is valid and does what it says.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { buildSchema, parse, validate } from 'graphql';
import { editing } from '../story.js';
import { demo, ROOT } from '../slategate.js';

const run = promisify(execFile);
const PAGES = ['README.md', ...readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];
const HERE = fileURLToPath(new URL('..', import.meta.url));
const PROJECT = join(HERE, 'built/typescript');

/** The code blocks of all pages, without the indentation that they have in lists; `shown` is an answer right below. */
const BLOCKS = PAGES.flatMap((page) => {
  const fence = /^( *)```(\w+)\n([^]*?)^ *```$(?:\n\n *```(json|csv)\n([^]*?)^ *```$)?/gm;
  return [...readFileSync(join(ROOT, page), 'utf8').matchAll(fence)].map(([, indent, language, text, , shown]) => ({
    page,
    language,
    text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    shown,
  }));
});

const blocks = (language) => BLOCKS.filter((block) => block.language === language);

let server;
before(async () => (server = await demo()));
after(() => server.stop());

const here = (text) => text.replaceAll('127.0.0.1:8080', new URL(server.url).host);
const environment = () => ({ ...process.env, TOKEN: server.token });

describe('GraphQL', () => {
  const schema = buildSchema(readFileSync(join(ROOT, 'schema.graphql'), 'utf8'));
  // Answers that are shown are compared by the program's own tests.
  const documents = blocks('graphql').filter(({ shown }) => !shown);

  it('has examples', () => assert.ok(documents.length >= 15));
  for (const { page, text: document } of documents) {
    it(`${page}: ${document.split('\n')[0]}`, async () => {
      assert.deepEqual(validate(schema, parse(document)), []);
      const data = await server.ask(document);
      for (const [name, answer] of Object.entries(data)) {
        // Only what has a `...` to be filled in is refused.
        if (answer.userErrors) assert.equal(answer.userErrors.length > 0, document.includes('"..."'), name);
      }
    });
  }
});

describe('curl', () => {
  const commands = blocks('sh').filter(({ text }) => text.startsWith('curl'));
  const downloads = commands.filter(({ text }) => /^curl -\w*O/.test(text));
  const subscriptions = commands.filter(({ text }) => /^curl -\w*N/.test(text));
  const queries = commands.filter((command) => !downloads.includes(command) && !subscriptions.includes(command));

  it('has downloads, queries and a subscription', () => {
    assert.deepEqual([downloads.length, queries.length, subscriptions.length], [1, 4, 1]);
  });

  for (const { page, text } of downloads) {
    it(`downloads: ${page}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'slategate-downloads-'));
      await run('bash', ['-ec', here(text)], { env: environment(), cwd: folder });
      const files = readdirSync(folder);
      rmSync(folder, { recursive: true });
      assert.equal(files.length, text.match(/^curl/gm).length, files.join(' '));
    });
  }

  for (const { page, text, shown } of queries) {
    it(`asks: ${page}`, async () => {
      const { stdout } = await run('bash', ['-o', 'pipefail', '-c', here(text)], { env: environment() });
      if (text.includes('/exports/')) assert.equal(stdout, shown);
      else if (shown) assert.deepEqual(JSON.parse(stdout), JSON.parse(shown));
      else assert.ok(JSON.parse(stdout).data, stdout);
    });
  }

  for (const { page, text } of subscriptions) {
    it(`follows: ${page}`, async () => {
      const curl = spawn('bash', ['-c', `exec ${here(text)}`], { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
      const event = await firstLine(curl.stdout, (line) => line.startsWith('data: '));
      curl.kill();
      const { data } = JSON.parse(event.slice('data: '.length));
      assert.notEqual(data.controlChanged.previous, data.controlChanged.current);
    });
  }
});

describe('JavaScript', () => {
  it('follows a subscription', async () => {
    const [{ text }] = blocks('js');
    const folder = join(HERE, 'built');
    mkdirSync(folder, { recursive: true });
    // A browser has a WebSocket, and the reader has a token.
    writeFileSync(join(folder, 'browser.js'), "import WebSocket from 'ws';\nObject.assign(globalThis, { WebSocket, token: process.env.TOKEN });\n");
    writeFileSync(join(folder, 'subscription.js'), here(text));
    const options = { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] };
    const script = spawn(process.execPath, ['--import', join(folder, 'browser.js'), join(folder, 'subscription.js')], options);
    const line = await firstLine(script.stdout, (line) => line.includes('key:'));
    script.kill();
    assert.match(line, /inventory-items-have-descriptions/);
  });
});

describe('TypeScript', { timeout: 120_000 }, () => {
  it('gets its types without a warning, type-checks and runs', async () => {
    rmSync(PROJECT, { recursive: true, force: true });
    for (const { text } of blocks('ts')) {
      const path = join(PROJECT, /^\/\/ (\S+)\n/.exec(text)[1]);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, here(text));
    }
    copyFileSync(join(ROOT, 'schema.graphql'), join(PROJECT, 'schema.graphql'));
    const compilerOptions = {
      strict: true, noEmit: true, target: 'es2022', module: 'esnext', moduleResolution: 'bundler', types: ['node'], skipLibCheck: false,
    };
    writeFileSync(join(PROJECT, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
    const tool = (name, ...args) => run(join(HERE, 'node_modules/.bin', name), args, { cwd: PROJECT, env: environment() });

    const generated = await tool('graphql-codegen', '--config', 'codegen.ts');
    assert.doesNotMatch(generated.stdout + generated.stderr, /warn|deprecat|error/i);
    await tool('tsc', '--project', '.');
    const { stdout } = await tool('jiti', 'src/failing.ts');
    assert.match(stdout, /^((LOW|MEDIUM|HIGH|CRITICAL) .+\n){5}$/);
  });
});

describe('Python', () => {
  it('reads page by page', async () => {
    const [{ text }] = blocks('python');
    const { stdout } = await run('python3', ['-W', 'error', '-c', here(text)], { env: environment() });
    const { data } = await asked('{ accounts(filter: { flag: [LEAVER] }) { nodes { login } } }');
    assert.deepEqual(stdout.trim().split('\n').map((line) => line.split(' ')[0]), data.accounts.nodes.map(({ login }) => login));
  });
});

const asked = async (query) => ({ data: await server.ask(query) });

/** The first line of this kind; meanwhile descriptions come and go, so that there is something to tell. */
async function firstLine(stream, isMeant) {
  const found = new Promise((resolve, reject) => {
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      const line = text.split('\n').slice(0, -1).find(isMeant);
      if (line) resolve(line);
    });
    stream.once('close', () => reject(new Error(`it ended after saying:\n${text}`)));
  });
  for await (const _edit of editing(server, found));
  return found;
}
