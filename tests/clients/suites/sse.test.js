// Server-sent events: the client of graphql-sse, on distinct connections and on a single one.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createClient } from 'graphql-sse';
import { editing, integrationId, STAGES, SYNC, SYNC_PROGRESS } from '../story.js';
import { demo } from '../slategate.js';

const MODES = [
  ['distinct connections', false],
  ['a single connection', true],
];

let server;
before(async () => (server = await demo()));
after(() => server.stop());

const client = (singleConnection, token = server.token) =>
  createClient({ url: server.stream, singleConnection, retryAttempts: 0, headers: { authorization: `Bearer ${token}` } });

for (const [mode, singleConnection] of MODES) {
  describe(`graphql-sse client, ${mode}`, () => {
    it('follows a sync that was asked for, to its end', async () => {
      const events = client(singleConnection);
      const id = await integrationId(server);
      const { syncRun, userErrors } = (await server.ask(SYNC, { id })).syncIntegration;
      assert.ok(syncRun, JSON.stringify(userErrors));
      const stages = [];
      let last;
      for await (const { data, errors } of events.iterate({ query: SYNC_PROGRESS, variables: { id } })) {
        assert.equal(errors, undefined);
        last = data.syncProgress;
        stages.push(STAGES.indexOf(last.progress.stage));
      }
      assert.deepEqual(stages, stages.toSorted((a, b) => a - b));
      assert.equal(last.progress.stage, 'DONE');
      assert.equal(last.status, 'SUCCEEDED');
      events.dispose();
    });

    it('runs queries beside a subscription', async () => {
      const events = client(singleConnection);
      const watch = events.iterate({ query: 'subscription { controlChanged { at } }' });
      const waiting = watch.next();
      for (const query of ['{ viewer { name } }', 'mutation { syncIntegration(input: { integrationId: "x" }) { syncRun { id } } }']) {
        const results = await all(events.iterate({ query }));
        assert.equal(results.length, 1);
        assert.equal(results[0].errors, undefined);
      }
      await watch.return();
      assert.equal((await waiting).done, true);
      events.dispose();
    });

    it('gets the errors of a refused operation', async () => {
      const events = client(singleConnection);
      const codes = await all(events.iterate({ query: '{ nothing }' })).then(
        (results) => results.flatMap(({ errors }) => errors.map(({ extensions }) => extensions.code)),
        (error) => [error.response?.status ?? error.message],
      );
      assert.deepEqual(codes, ['BAD_INPUT']);
      events.dispose();
    });

    it('is refused with 401 for an unknown token', async () => {
      const events = client(singleConnection, 'slg_wrong');
      await assert.rejects(events.iterate({ query: '{ viewer { name } }' }).next(), (error) => {
        assert.equal(error.response.status, 401);
        return true;
      });
      events.dispose();
    });
  });
}

it('both kinds of connection are told of an edit', async () => {
  const key = 'inventory-items-have-descriptions';
  const query = 'subscription ($keys: [String!]) { controlChanged(keys: $keys) { previous current } }';
  const clients = MODES.map(([, singleConnection]) => client(singleConnection));
  const watches = clients.map((events) => events.iterate({ query, variables: { keys: [key] } }));
  const told = Promise.all(watches.map((watch) => watch.next()));
  // Nothing says when a watch is in place, so the edit is made and undone until it was seen.
  for await (const _edit of editing(server, told));
  for (const { value } of await told) {
    const { previous, current } = value.data.controlChanged;
    assert.deepEqual([previous, current].toSorted(), ['FAILING', 'PASSING']);
  }
  await Promise.all(watches.map((watch) => watch.return()));
  clients.forEach((events) => events.dispose());
});

it('a stream ends cleanly when the server stops', async () => {
  const stopping = await demo();
  const answer = await fetch(stopping.stream, {
    method: 'POST',
    headers: { ...stopping.headers, accept: 'text/event-stream', 'content-type': 'application/json' },
    body: JSON.stringify({ query: 'subscription { controlChanged { at } }' }),
  });
  assert.equal(answer.status, 200);
  const body = answer.text();
  await stopping.stop();
  // Comments only: no event was cut, and none tells that the subscription was over.
  assert.match(await body, /^(:\n\n)+$/);
});

async function all(iterator) {
  const results = [];
  for await (const result of iterator) results.push(result);
  return results;
}
