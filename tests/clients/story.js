// What happens in the demo's organizations while a suite watches.

export const STAGES = ['QUEUED', 'CREDENTIALS', 'USERS', 'PROJECTS', 'CLUSTERS', 'EVALUATION', 'DONE'];

/** The key of the demo's second organization, two of whose clusters nobody has described. */
export const CONTOSO = { publicKey: 'chreader', privateKey: 'a86e0d4c-9b21-4f73-95d8-7c3e1f6b2a09' };

export const CONNECT = `mutation ($input: ConnectMongoDbAtlasInput!) {
  connectMongoDbAtlas(input: $input) { integration { id } syncRun { id } userErrors { code message } }
}`;

export const SYNC = `mutation ($id: ID!) {
  syncIntegration(input: { integrationId: $id }) { syncRun { id } userErrors { code message } }
}`;

export const SYNC_PROGRESS = `subscription ($id: ID!) {
  syncProgress(integrationId: $id) { id status finishedAt progress { stage done total } }
}`;

/** The demo's first organization. */
export async function integrationId(server) {
  return (await server.ask('{ integrations(first: 1) { nodes { id } } }')).integrations.nodes[0].id;
}

const UNDESCRIBED = '{ assets(first: 500, filter: { hasDescription: false }) { nodes { id } } }';
const DESCRIBE = `mutation ($id: ID!, $text: String) {
  updateAsset(input: { assetId: $id, description: $text }) { userErrors { message } }
}`;

/** Describes every asset that nobody has described: their ids. */
export async function describeEverything(server) {
  const { assets } = await server.ask(UNDESCRIBED);
  const ids = assets.nodes.map(({ id }) => id);
  for (const id of ids) await describe(server, id, 'Described');
  return ids;
}

/** Describes every asset, takes one description away, describes it again, and so on until `done` is settled; in the end
 * it is away, so that there is something to edit next time. */
export async function* editing(server, done) {
  let isDone = false;
  const finish = () => (isDone = true);
  done.then(finish, finish);
  const [id] = await describeEverything(server);
  for (let text = null; !isDone; text = text ? null : 'Described') {
    await describe(server, id, text);
    yield;
  }
  await describe(server, id, null);
}

async function describe(server, id, text) {
  const { updateAsset } = await server.ask(DESCRIBE, { id, text });
  if (updateAsset.userErrors.length) throw new Error(JSON.stringify(updateAsset.userErrors));
}
