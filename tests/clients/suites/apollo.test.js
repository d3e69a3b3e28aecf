// Apollo Client: automatic persisted queries by POST and by GET, its normalising cache, and subscriptions.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client/core';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { integrationId, SYNC, SYNC_PROGRESS } from '../story.js';
import { demo } from '../slategate.js';

let server;
before(async () => (server = await demo()));
after(() => server.stop());

const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** A client, and what it has sent so far. */
function apollo(useGETForHashedQueries, possibleTypes) {
  const sent = [];
  const http = new HttpLink({
    uri: server.graphql,
    headers: server.headers,
    fetch: async (url, init) => {
      const parameters = init.body ? JSON.parse(init.body) : Object.fromEntries(new URL(url).searchParams);
      const answer = await fetch(url, init);
      sent.push([init.method, 'query' in parameters ? 'text' : 'hash', answer.status]);
      return answer;
    },
  });
  const link = new PersistedQueryLink({ sha256, useGETForHashedQueries }).concat(http);
  return { sent, client: new ApolloClient({ link, cache: new InMemoryCache({ possibleTypes }) }) };
}

describe('automatic persisted queries', () => {
  for (const [method, useGet] of [['POST', false], ['GET', true]]) {
    it(`are registered once and found from then on, by ${method}`, async () => {
      const query = gql`query Registered${method}($first: Int!) { assets(first: $first) { nodes { id name } } }`;
      const first = apollo(useGet);
      const { data } = await first.client.query({ query, variables: { first: 2 } });
      assert.equal(data.assets.nodes.length, 2);
      assert.deepEqual(first.sent, [
        [method, 'hash', 200],
        ['POST', 'text', 200],
      ]);
      const second = apollo(useGet);
      const again = await second.client.query({ query, variables: { first: 2 } });
      assert.deepEqual(again.data, data);
      assert.deepEqual(second.sent, [[method, 'hash', 200]]);
    });
  }

  it('never let a mutation through a GET', async () => {
    const { sent, client } = apollo(true);
    const mutation = gql`mutation { syncIntegration(input: { integrationId: "x" }) { userErrors { code } } }`;
    const { data } = await client.mutate({ mutation });
    assert.deepEqual(data.syncIntegration.userErrors.map(({ code }) => code), ['INVALID']);
    assert.ok(sent.every(([method]) => method === 'POST'), JSON.stringify(sent));
  });

  it('refuse a text under the hash of another', async () => {
    const extensions = { persistedQuery: { version: 1, sha256Hash: sha256('{ viewer { role } }') } };
    const answer = await fetch(server.graphql, {
      method: 'POST',
      headers: { ...server.headers, 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ viewer { name } }', extensions }),
    });
    assert.equal(answer.status, 400);
    assert.equal((await answer.json()).errors[0].extensions.code, 'BAD_INPUT');
  });
});

describe('the normalising cache', () => {
  it('keeps two instants of one asset apart', async () => {
    const { __schema } = await server.ask('{ __schema { types { name possibleTypes { name } } } }');
    const abstract = __schema.types.filter((type) => type.possibleTypes);
    const possibleTypes = abstract.map((type) => [type.name, type.possibleTypes.map(({ name }) => name)]);
    const { client } = apollo(false, Object.fromEntries(possibleTypes));
    const { data: now } = await client.query({ query: gql`{ assets(first: 1) { nodes { id name } } }` });
    const query = gql`query ($id: ID!) { node(id: $id) { id ... on Asset { name description } } }`;
    const { data } = await client.query({ query, variables: { id: now.assets.nodes[0].id } });
    assert.equal(data.node.name, now.assets.nodes[0].name);
    const asOf = new Date().toISOString();
    const past = gql`query ($asOf: DateTime) { assets(first: 1, asOf: $asOf) { nodes { id name } } }`;
    const { data: then } = await client.query({ query: past, variables: { asOf } });
    assert.notEqual(then.assets.nodes[0].id, now.assets.nodes[0].id);
    const assets = Object.keys(client.cache.extract()).filter((key) => key.startsWith('AtlasCluster:'));
    assert.equal(assets.length, 2);
  });
});

describe('the subscription link', () => {
  it('follows a sync to its end', async () => {
    const id = await integrationId(server);
    await server.ask(SYNC, { id });
    const connectionParams = { Authorization: `Bearer ${server.token}` };
    const socket = createClient({ url: server.socket, webSocketImpl: WebSocket, connectionParams });
    const client = new ApolloClient({ link: new GraphQLWsLink(socket), cache: new InMemoryCache() });
    const last = await new Promise((resolve, reject) => {
      let last;
      client.subscribe({ query: gql(SYNC_PROGRESS), variables: { id } }).subscribe({
        next: ({ data, error }) => (error ? reject(error) : (last = data.syncProgress)),
        error: reject,
        complete: () => resolve(last),
      });
    });
    assert.equal(last.progress.stage, 'DONE');
    await socket.dispose();
  });
});
