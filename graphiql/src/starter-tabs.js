// One tab for each thing people come here for; every field name is one of the served schema.

const connect = {
  query: `# Connect an Atlas organization with a read-only API key (needs an ADMIN token).
mutation Connect($input: ConnectMongoDbAtlasInput!) {
  connectMongoDbAtlas(input: $input) {
    integration {
      id
      organizationName
      status
      keyFitness { verdict roles missing excess }
    }
    syncRun { id status startedAt }
    warnings { code message remedy }
    userErrors { code message remedy field }
  }
}
`,
  variables: `{
  "input": { "publicKey": "", "privateKey": "" }
}
`,
};

const inventory = {
  query: `# Every database cluster: who owns it, what it holds, how it is protected.
query Inventory($filter: AssetFilter) {
  assets(first: 50, filter: $filter, orderBy: { field: NAME, direction: ASC }) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes {
      id
      name
      project { name }
      owner { fullName }
      userData
      lastSeenAt
      ... on AtlasCluster {
        deployment
        tiers
        regions { cloud name }
        mongoDbVersion
        backup { enabled pointInTime }
        encryption { atRest minimumTls }
      }
    }
  }
}
`,
  variables: `{
  "filter": { "hasOwner": false }
}
`,
};

const accessReview = {
  query: `# Who can get in, as whom, with which rights, and what stands out.
query AccessReview($filter: AccountFilter) {
  accounts(first: 50, filter: $filter, orderBy: { field: LAST_AUTHENTICATED_AT, direction: ASC }) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes {
      login
      kind
      status
      person { fullName status endsOn }
      privileged
      flags
      lastAuthenticatedAt
      grants { role scope project { name } via team }
    }
  }
}
`,
  variables: `{
  "filter": { "flag": ["PRIVILEGED", "DORMANT", "LEAVER"] }
}
`,
};

const failingControls = {
  query: `# What fails, why, and what was seen against what was expected.
query FailingControls {
  controls(filter: { status: [FAILING] }) {
    key
    title
    severity
    since
    remediation
    coverage { inScope passed failed unknown notApplicable unreadableScopes }
    results(first: 20, filter: { outcome: [FAIL] }) {
      totalCount
      nodes {
        reason
        message
        since
        observedAt
        subject {
          ... on AtlasCluster { name project { name } }
          ... on Account { login }
        }
        evidence { name observed expected }
      }
    }
  }
}
`,
};

const asOf = {
  query: `# The same questions at two instants, side by side.
query Compare($before: DateTime!) {
  before: posture(asOf: $before) { ...Numbers }
  now: posture { ...Numbers }
}

fragment Numbers on Posture {
  asOf
  controlsPassing
  controlsFailing
  controlsUnknown
  controlsNotApplicable
  assets
  accounts
  failingResults
  lastSyncedAt
}
`,
  variables: `{
  "before": "${monthAgo()}"
}
`,
};

function monthAgo() {
  const then = new Date();
  then.setUTCMonth(then.getUTCMonth() - 1);
  return then.toISOString();
}

export const starterTabs = [inventory, accessReview, failingControls, asOf, connect];
