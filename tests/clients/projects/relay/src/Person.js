// One node by its global id, with a connection paged in both directions.

import { graphql } from 'relay-runtime';

export const PersonQuery = graphql`
  query PersonQuery($id: ID!) {
    node(id: $id) {
      __typename
      ...Person_accounts @alias(as: "accounts")
      ...Person_assets @alias(as: "assets")
    }
  }
`;

export const accounts = graphql`
  fragment Person_accounts on Person
  @argumentDefinitions(
    first: { type: "Int" }
    after: { type: "String" }
    last: { type: "Int", defaultValue: 10 }
    before: { type: "String" }
  )
  @refetchable(queryName: "PersonAccountsPaginationQuery") {
    fullName
    accounts(first: $first, after: $after, last: $last, before: $before) @connection(key: "Person_accounts") {
      edges {
        node {
          id
          login
          flags
          grants { role scope via team project { id name } }
        }
      }
    }
  }
`;

export const assets = graphql`
  fragment Person_assets on Person {
    ownedAssets(first: 10) {
      edges {
        node {
          id
          name
        }
      }
    }
  }
`;
