// A server of the suites' own: started, asked, and gone afterwards.

import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The program under test. */
const PROGRAM = process.env.SLATEGATE_PROGRAM ?? join(ROOT, 'target/debug/slategate');

const START_LIMIT = 60_000;

/** `slategate demo` on a free port, with its administrator's token. */
export async function demo(...options) {
  const server = start(['demo', '--port', '0', ...options], process.env);
  const said = await server.says(/^Token +(\S+)/m);
  return server.at(/^GraphiQL +(http:\S+)\/graphiql$/m.exec(said)[1], /^Token +(\S+)/m.exec(said)[1]);
}

/** `slategate serve` with these settings on what a demo has left, with a token of this role. */
export async function serve(settings, role) {
  const folder = mkdtempSync(join(tmpdir(), 'slategate-clients-'));
  await (await demo('--data', folder)).stop();
  const environment = {
    PATH: process.env.PATH,
    SLATEGATE_DATABASE_URL: `sqlite://${folder}/slategate.db`,
    // The demo's Atlas is gone, and no other is to be asked.
    SLATEGATE_ATLAS_BASE_URL: 'http://127.0.0.1:9',
    SLATEGATE_LISTEN: '127.0.0.1:0',
    SLATEGATE_LOG_FORMAT: 'json',
    ...settings,
  };
  const server = start(['serve'], environment, () => rmSync(folder, { recursive: true }));
  const said = await server.says(/"message":"listening".*/);
  const create = ['token', 'create', '--name', 'suite', '--role', role];
  const token = execFileSync(PROGRAM, create, { env: environment, stdio: 'pipe' });
  return server.at(`http://${/"address":"([^"]+)"/.exec(said)[1]}`, token.toString().trim());
}

function start(args, env, afterwards = () => {}) {
  const child = spawn(PROGRAM, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise((resolve) => child.once('close', resolve)).then(() => {
    process.off('exit', kill);
    afterwards();
  });
  let text = '';
  let heard = () => {};
  for (const pipe of [child.stdout, child.stderr]) {
    pipe.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      heard();
    });
  }
  return {
    /** Waits until everything said so far holds this on whole lines. */
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const fail = (why) => reject(new Error(`${PROGRAM} ${args.join(' ')} ${why}; it said:\n${text}`));
        const late = setTimeout(() => fail('does not get ready'), START_LIMIT);
        child.once('error', (error) => fail(error.message));
        ended.then(() => fail('ended'));
        heard = () => {
          const lines = text.slice(0, text.lastIndexOf('\n') + 1);
          if (!pattern.test(lines)) return;
          clearTimeout(late);
          heard = () => {};
          resolve(lines);
        };
        heard();
      }),
    at: (url, token) => new Slategate(url, token, child, ended),
  };
}

class Slategate {
  #child;
  #ended;

  constructor(url, token, child, ended) {
    this.url = url;
    this.token = token;
    this.#child = child;
    this.#ended = ended;
  }

  /** Where GraphQL is spoken. */
  get graphql() {
    return `${this.url}/graphql`;
  }

  /** Where subscriptions are followed by WebSocket. */
  get socket() {
    return `${this.url.replace(/^http/, 'ws')}/graphql/ws`;
  }

  /** Where subscriptions are followed by server-sent events. */
  get stream() {
    return `${this.url}/graphql/stream`;
  }

  get headers() {
    return { authorization: `Bearer ${this.token}` };
  }

  /** The data of an answer without errors. */
  async ask(query, variables = {}) {
    const headers = { ...this.headers, 'content-type': 'application/json' };
    const answer = await fetch(this.graphql, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
    const { data, errors } = await answer.json();
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  }

  /** Ends it as a person would, with Ctrl-C. */
  async stop() {
    this.#child.kill('SIGINT');
    await this.#ended;
  }
}
