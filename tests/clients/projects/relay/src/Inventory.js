// A paginated list with a refetchable fragment, and rows with fragments of their own.

import { graphql } from 'relay-runtime';

export const InventoryQuery = graphql`
  query InventoryQuery($count: Int!, $cursor: String, $filter: AssetFilter, $asOf: DateTime) {
    ...Inventory_assets @arguments(count: $count, cursor: $cursor, filter: $filter, asOf: $asOf)
  }
`;

export const assets = graphql`
  fragment Inventory_assets on Query
  @argumentDefinitions(
    count: { type: "Int", defaultValue: 20 }
    cursor: { type: "String" }
    filter: { type: "AssetFilter" }
    asOf: { type: "DateTime" }
  )
  @refetchable(queryName: "InventoryPaginationQuery") {
    assets(first: $count, after: $cursor, filter: $filter, asOf: $asOf, orderBy: { field: NAME, direction: ASC })
      @connection(key: "Inventory_assets") {
      totalCount
      edges {
        node {
          id
          ...Inventory_row
        }
      }
    }
  }
`;

export const row = graphql`
  fragment Inventory_row on Asset @refetchable(queryName: "InventoryRowRefetchQuery") {
    id
    name
    userData
    project { id name }
    owner { id fullName }
    tags { key value }
    ... on AtlasCluster {
      deployment
      tiers
      regions { cloud name }
      backup { enabled pointInTime }
      encryption { atRest customerKeyValid minimumTls }
    }
  }
`;
