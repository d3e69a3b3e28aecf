// Relay: its compiler takes the schema without a warning, and its runtime runs what was compiled, as trusted documents.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import relay from 'relay-runtime';
import compiler from 'relay-compiler';
import { serve } from '../slategate.js';

const PROJECT = fileURLToPath(new URL('../projects/relay/', import.meta.url));
const BUILT = fileURLToPath(new URL('../built/', import.meta.url));
const MANIFEST = join(BUILT, 'relay-documents.json');

const artifact = async (name) => (await import(`${PROJECT}src/__generated__/${name}.graphql.js`)).default;

let server;
before(async () => {
  mkdirSync(BUILT, { recursive: true });
  // The compiler adds to what is there, wants something to be there, and does nothing twice.
  writeFileSync(MANIFEST, '{}');
  rmSync(join(PROJECT, 'src/__generated__'), { recursive: true, force: true });
  const compiled = spawnSync(compiler, ['relay.config.json'], { cwd: PROJECT, encoding: 'utf8' });
  const said = compiled.stdout + compiled.stderr;
  assert.equal(compiled.status, 0, said);
  assert.doesNotMatch(said, /warn|error/i);
  assert.match(said, /10 normalization/);
  server = await serve(
    { SLATEGATE_TRUSTED_DOCUMENTS: MANIFEST, SLATEGATE_TRUSTED_DOCUMENTS_ONLY: 'viewer' },
    'viewer',
  );
});
after(() => server?.stop());

async function post(body) {
  const headers = { ...server.headers, 'content-type': 'application/json', accept: 'application/graphql-response+json' };
  const answer = await fetch(server.graphql, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: answer.status, ...(await answer.json()) };
}

/** An environment that sends ids and never a text. */
const environment = () =>
  new relay.Environment({
    network: relay.Network.create(({ id, text }, variables) => {
      assert.equal(text, null);
      return post({ documentId: id, variables });
    }),
    store: new relay.Store(new relay.RecordSource()),
  });

/** What a component reads that spreads these fragments, one in the other. */
async function read(environment, query, variables) {
  await relay.fetchQuery(environment, query, variables).toPromise();
  const operation = relay.createOperationDescriptor(relay.getRequest(query), variables);
  return complete(environment.lookup(operation.fragment));
}

function complete(snapshot) {
  assert.equal(snapshot.isMissingData, false);
  return snapshot.data;
}

async function fragment(environment, name, reference) {
  return complete(environment.lookup(relay.getSingularSelector(await artifact(name), reference)));
}

describe('relay-runtime', () => {
  it('pages through a list, without a gap and without a repetition', async () => {
    const relayed = environment();
    const variables = { count: 20, cursor: null, filter: null, asOf: null };
    const first = await fragment(relayed, 'Inventory_assets', await read(relayed, await artifact('InventoryQuery'), variables));
    assert.equal(first.assets.edges.length, 20);
    const { endCursor: cursor, hasNextPage } = first.assets.pageInfo;
    assert.equal(hasNextPage, true);
    const next = environment();
    const query = await artifact('InventoryPaginationQuery');
    const second = await fragment(next, 'Inventory_assets', await read(next, query, { ...variables, cursor }));
    const ids = [...first.assets.edges, ...second.assets.edges].map(({ node }) => node.id);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(ids.length, first.assets.totalCount);
  });

  it('reads a row again by its global id', async () => {
    const relayed = environment();
    const variables = { count: 1, cursor: null, filter: null, asOf: null };
    const list = await fragment(relayed, 'Inventory_assets', await read(relayed, await artifact('InventoryQuery'), variables));
    const row = await fragment(relayed, 'Inventory_row', list.assets.edges[0].node);
    const fresh = environment();
    const { node } = await read(fresh, await artifact('InventoryRowRefetchQuery'), { id: row.id });
    assert.deepEqual(await fragment(fresh, 'Inventory_row', node), row);
  });

  it('reads many nodes of different types at once', async () => {
    const relayed = environment();
    const { controls } = await read(relayed, await artifact('ControlsQuery'), { status: ['FAILING'], asOf: null });
    const ids = controls.map(({ id }) => id);
    const { nodes } = await read(relayed, await artifact('ControlsNodesQuery'), { ids: [...ids, ids[0], 'nonsense'] });
    assert.deepEqual(nodes.map((node) => node?.id), [...ids, ids[0], undefined]);
    const results = await fragment(relayed, 'Controls_results', nodes[0].results);
    assert.equal(results.status, 'FAILING');
    assert.ok(results.results.edges.length > 0);
  });
});

describe('trusted documents', () => {
  it('are all that a role in SLATEGATE_TRUSTED_DOCUMENTS_ONLY may run', async () => {
    const { status, errors } = await post({ query: '{ viewer { role } }' });
    assert.equal(status, 403);
    assert.equal(errors[0].extensions.code, 'FORBIDDEN');
  });

  it('are not what has an unknown id', async () => {
    const { status, errors } = await post({ documentId: 'f'.repeat(64) });
    assert.equal(status, 400);
    assert.equal(errors[0].extensions.code, 'PERSISTED_QUERY_NOT_FOUND');
  });

  it('run by GET, and with the id in any of its spellings', async () => {
    const { params } = await artifact('ControlsQuery');
    for (const parameters of [{ documentId: params.id }, { documentId: `sha256:${params.id}` }, { doc_id: params.id }]) {
      const url = `${server.graphql}?${new URLSearchParams({ ...parameters, variables: '{}' })}`;
      const answer = await fetch(url, { headers: server.headers });
      assert.equal(answer.status, 200);
      assert.ok((await answer.json()).data.controls.length > 0);
    }
  });
});
