// Controls with their results, a node of any type, an update and a subscription.

import { graphql } from 'relay-runtime';

export const ControlsQuery = graphql`
  query ControlsQuery($status: [ControlStatus!], $asOf: DateTime) {
    posture(asOf: $asOf) { controlsPassing controlsFailing controlsUnknown }
    controls(filter: { status: $status }, asOf: $asOf) {
      id
      ...Controls_results
    }
  }
`;

export const results = graphql`
  fragment Controls_results on Control
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" })
  @refetchable(queryName: "ControlsResultsPaginationQuery") {
    title
    status
    results(first: $count, after: $cursor, filter: { outcome: [FAIL] }) @connection(key: "Controls_results") {
      edges {
        node {
          id
          reason
          message
          subject {
            __typename
            ... on AtlasCluster { id name }
            ... on Account { id login }
          }
          evidence { name observed expected }
        }
      }
    }
  }
`;

export const ControlsNodesQuery = graphql`
  query ControlsNodesQuery($ids: [ID!]!) {
    nodes(ids: $ids) {
      __typename
      id
      ...Controls_results @alias(as: "results")
      ...Inventory_row @alias(as: "row")
    }
  }
`;

export const ControlsDescribeMutation = graphql`
  mutation ControlsDescribeMutation($input: UpdateAssetInput!) {
    updateAsset(input: $input) {
      asset {
        id
        description
        ...Inventory_row
      }
      userErrors { code message remedy field }
    }
  }
`;

export const ControlsChangedSubscription = graphql`
  subscription ControlsChangedSubscription($keys: [String!]) {
    controlChanged(keys: $keys) {
      previous
      current
      at
      control { id status }
    }
  }
`;
