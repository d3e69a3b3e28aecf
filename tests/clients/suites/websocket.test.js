// graphql-transport-ws: the client of graphql-ws follows real syncs, and a bare socket meets every close code.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { describeEverything, integrationId, SYNC_PROGRESS, SYNC, CONNECT, CONTOSO, STAGES } from '../story.js';
import { demo } from '../slategate.js';

let server;
before(async () => (server = await demo()));
after(() => server.stop());

const client = (token = server.token) =>
  createClient({
    url: server.socket,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { Authorization: `Bearer ${token}` },
  });

describe('graphql-ws client', () => {
  it('follows a sync that was asked for, to its end', async () => {
    const socket = client();
    const { syncRun, userErrors } = (await server.ask(SYNC, { id: await integrationId(server) })).syncIntegration;
    assert.ok(syncRun, JSON.stringify(userErrors));
    const stages = [];
    let last;
    for await (const { data, errors } of socket.iterate({
      query: SYNC_PROGRESS,
      variables: { id: await integrationId(server) },
    })) {
      assert.equal(errors, undefined);
      last = data.syncProgress;
      stages.push(STAGES.indexOf(last.progress.stage));
    }
    assert.deepEqual(stages, stages.toSorted((a, b) => a - b));
    assert.equal(last.progress.stage, 'DONE');
    assert.equal(last.status, 'SUCCEEDED');
    assert.ok(last.finishedAt);
    await socket.dispose();
  });

  it('is told of controls that an edit and a sync change', async () => {
    const key = 'inventory-items-have-descriptions';
    const socket = client();
    const changes = socket.iterate({
      query: 'subscription ($keys: [String!]) { controlChanged(keys: $keys) { control { key status } previous current at } }',
      variables: { keys: [key] },
    });
    await acknowledged(socket);
    const told = async () => {
      const { data } = (await changes.next()).value;
      return [data.controlChanged.control.key, data.controlChanged.previous, data.controlChanged.current];
    };
    await describeEverything(server);
    assert.deepEqual(await told(), [key, 'FAILING', 'PASSING']);
    const { syncRun, userErrors } = (await server.ask(CONNECT, { input: CONTOSO })).connectMongoDbAtlas;
    assert.ok(syncRun, JSON.stringify(userErrors));
    assert.deepEqual(await told(), [key, 'PASSING', 'FAILING']);
    await changes.return();
    await socket.dispose();
  });

  it('runs queries and mutations too', async () => {
    const socket = client();
    const { value } = await socket.iterate({ query: '{ viewer { role } }' }).next();
    assert.deepEqual(value, { data: { viewer: { role: 'ADMIN' } } });
    await socket.dispose();
  });

  it('gets a refused operation as an error', async () => {
    const socket = client();
    await assert.rejects(socket.iterate({ query: '{ nothing }' }).next(), (errors) => {
      assert.equal(errors[0].extensions.code, 'BAD_INPUT');
      return true;
    });
    await socket.dispose();
  });

  it('is refused with 4403 for an unknown token', async () => {
    const socket = client('slg_wrong');
    await assert.rejects(socket.iterate({ query: '{ viewer { role } }' }).next(), { code: 4403, reason: 'Forbidden' });
  });
});

/** A subscription is in place once a later operation of the same socket is answered. */
async function acknowledged(socket) {
  await socket.iterate({ query: '{ __typename }' }).next();
}

const INIT = () => ({ type: 'connection_init', payload: { token: server.token } });
const WATCH = (id) => ({ id, type: 'subscribe', payload: { query: 'subscription { controlChanged { at } }' } });

describe('a bare socket', { concurrency: true }, () => {
  it('is acknowledged', async () => {
    const socket = await open();
    socket.say(INIT());
    assert.deepEqual(await socket.hear(), { type: 'connection_ack' });
    socket.end();
  });

  it('gets a pong with its payload, before and after the beginning', async () => {
    const socket = await open();
    socket.say({ type: 'ping', payload: { n: 1 } });
    assert.deepEqual(await socket.hear(), { type: 'pong', payload: { n: 1 } });
    socket.say(INIT());
    await socket.hear();
    socket.say({ type: 'ping' });
    assert.deepEqual(await socket.hear(), { type: 'pong' });
    socket.end();
  });

  it('gets next, then complete', async () => {
    const socket = await begun();
    socket.say({ id: 'a', type: 'subscribe', payload: { query: '{ viewer { name } }' } });
    assert.deepEqual(await socket.hear(), { id: 'a', type: 'next', payload: { data: { viewer: { name: 'demo' } } } });
    assert.deepEqual(await socket.hear(), { id: 'a', type: 'complete' });
    socket.end();
  });

  for (const [what, query] of [
    ['does not parse', '{'],
    ['is not valid', '{ nothing }'],
    ['asks for too much', '{ '.repeat(16) + 'a' + ' }'.repeat(16)],
  ]) {
    it(`gets an error for an operation that ${what}`, async () => {
      const socket = await begun();
      socket.say({ id: 'a', type: 'subscribe', payload: { query } });
      const { payload, ...rest } = await socket.hear();
      assert.deepEqual(rest, { id: 'a', type: 'error' });
      assert.equal(payload[0].extensions.code, 'BAD_INPUT');
      assert.match(payload[0].extensions.requestId, /^\w+$/);
      socket.end();
    });
  }

  it('gets the errors of a subscription that has nothing to follow as its only result', async () => {
    const socket = await begun();
    const query = 'subscription { syncProgress(integrationId: "x") { id } }';
    socket.say({ id: 'a', type: 'subscribe', payload: { query } });
    const { payload, ...rest } = await socket.hear();
    assert.deepEqual(rest, { id: 'a', type: 'next' });
    assert.equal(payload.errors[0].extensions.code, 'NOT_FOUND');
    assert.deepEqual(await socket.hear(), { id: 'a', type: 'complete' });
    socket.end();
  });

  it('hears nothing of an operation that it has stopped', async () => {
    const socket = await begun();
    socket.say(WATCH('a'));
    socket.say({ id: 'a', type: 'complete' });
    socket.say(WATCH('a'));
    socket.say({ type: 'ping' });
    assert.deepEqual(await socket.hear(), { type: 'pong' });
    socket.end();
  });

  const closes = [
    [4400, 'what is not JSON', async (socket) => socket.send('{')],
    [4400, 'bytes', async (socket) => socket.send(Buffer.from('{"type":"ping"}'))],
    [4400, 'a message without a type', async (socket) => socket.say({ id: 'a' })],
    [4400, 'a message of an unknown type', async (socket) => socket.say({ type: 'x'.repeat(200), id: 'a' })],
    [4400, 'a subscribe without a payload', async (socket) => begin(socket, { id: 'a', type: 'subscribe' })],
    [4400, 'a subscribe without a query', async (socket) => begin(socket, { id: 'a', type: 'subscribe', payload: {} })],
    [4400, 'a subscribe without an id', async (socket) => begin(socket, { type: 'subscribe', payload: { query: '{ a }' } })],
    [4400, 'variables that are no object', async (socket) => begin(socket, { id: 'a', type: 'subscribe', payload: { query: '{ a }', variables: 'x' } })],
    [4401, 'a subscribe before the beginning', async (socket) => socket.say(WATCH('a'))],
    [4403, 'a beginning without a token', async (socket) => socket.say({ type: 'connection_init' })],
    [4408, 'silence', async () => {}],
    [4409, 'an id that is in use', async (socket) => begin(socket, WATCH('a'), WATCH('a'))],
    [4429, 'a second beginning', async (socket) => begin(socket, INIT())],
    [1009, 'a message of more than 256 KiB', async (socket) => begin(socket, { type: 'ping', payload: { text: 'x'.repeat(256 * 1024) } })],
  ];
  for (const [code, what, speak] of closes) {
    it(`is closed with ${code} for ${what}`, { timeout: 20_000 }, async () => {
      const socket = await open();
      await speak(socket);
      const closed = await socket.closed();
      assert.equal(closed.code, code);
      assert.notEqual(closed.reason, '');
    });
  }

  it('is closed with 4406 for another subprotocol, and for none', async () => {
    for (const protocols of [['graphql-ws'], []]) {
      const socket = new WebSocket(server.socket, protocols);
      const ended = await new Promise((resolve) => {
        socket.once('close', resolve);
        // This client hangs up by itself when what it asked for is not taken.
        socket.once('error', (error) => resolve(error.message));
      });
      assert.equal(ended, protocols.length ? 'Server sent no subprotocol' : 4406);
    }
  });
});

async function open() {
  const socket = new WebSocket(server.socket, 'graphql-transport-ws');
  const messages = [];
  let wake = () => {};
  socket.on('message', (text) => {
    messages.push(JSON.parse(text));
    wake();
  });
  const closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: reason.toString() }));
  await once(socket, 'open');
  return {
    send: (text) => socket.send(text),
    say: (message) => socket.send(JSON.stringify(message)),
    hear: async () => {
      while (!messages.length) {
        await Promise.race([
          new Promise((resolve) => (wake = resolve)),
          closed.then(({ code }) => assert.fail(`closed with ${code}`)),
        ]);
      }
      return messages.shift();
    },
    closed: () => closed,
    end: () => socket.terminate(),
  };
}

async function begun() {
  const socket = await open();
  socket.say(INIT());
  await socket.hear();
  return socket;
}

async function begin(socket, ...messages) {
  socket.say(INIT());
  await socket.hear();
  for (const message of messages) socket.say(message);
}
