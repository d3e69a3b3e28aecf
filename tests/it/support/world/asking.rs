//! Asking the schema, and what tests ask for again and again.

use async_graphql::{Request, Variables};
use serde_json::{Value, json};
use slategate::graphql;
use slategate::store::views::{Caller, CallerPerson, Role};

use super::{World, text};

impl World {
    /// The whole answer to a caller of this role: `data`, and `errors` if there are any.
    pub async fn query(&self, role: Role, query: &str, variables: Value) -> Value {
        self.query_in(self.workspace, role, query, variables).await
    }

    pub async fn query_in(&self, workspace: i64, role: Role, query: &str, variables: Value) -> Value {
        self.query_as(workspace, role, CallerPerson::Nobody, query, variables).await
    }

    /// The same for a caller who is this person.
    pub async fn query_as(
        &self,
        workspace: i64,
        role: Role,
        person: CallerPerson,
        query: &str,
        variables: Value,
    ) -> Value {
        let request = Request::new(query).variables(Variables::from_json(variables));
        let caller = Caller {
            workspace,
            workspace_name: "default".to_owned(),
            key: "test".to_owned(),
            name: "test".to_owned(),
            role,
            person,
            request_id: None,
        };
        let response = graphql::execute(&self.schema, &self.state, caller, request).await;
        serde_json::to_value(response).unwrap()
    }

    /// The data that an administrator is answered, without any error.
    pub async fn ask(&self, query: &str) -> Value {
        self.ask_with(query, json!({})).await
    }

    pub async fn ask_with(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.query(Role::Admin, query, variables).await;
        assert_eq!(answer.get("errors"), None, "{query}");
        answer["data"].take()
    }

    /// The statements that one query takes, whatever its answer is.
    pub async fn statements_of(&self, query: &str, variables: Value) -> Vec<String> {
        self.statements_while(self.query(Role::Admin, query, variables)).await
    }

    /// The statements that are sent until something is done.
    pub async fn statements_while<T>(&self, doing: impl Future<Output = T>) -> Vec<String> {
        *self.heard.lock().unwrap() = Some(Vec::new());
        doing.await;
        self.heard.lock().unwrap().take().unwrap()
    }

    /// The code of the one error that an administrator is answered.
    pub async fn refused(&self, query: &str, variables: Value) -> String {
        let answer = self.query(Role::Admin, query, variables).await;
        let errors = answer["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{answer}");
        errors[0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The global id of the asset of this name.
    pub async fn asset(&self, name: &str) -> String {
        self.id_of("assets", "name", name).await
    }

    pub async fn account(&self, login: &str) -> String {
        self.id_of("accounts", "login", login).await
    }

    pub async fn person(&self, email: &str) -> String {
        self.id_of("people", "email", email).await
    }

    pub async fn project(&self, name: &str) -> String {
        self.id_of("projects", "name", name).await
    }

    /// The global id of the only integration.
    pub async fn integration(&self) -> String {
        let answer = self.ask("{ integrations { nodes { id } } }").await;
        let nodes = answer["integrations"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 1);
        text(&nodes[0]["id"])
    }

    async fn id_of(&self, list: &str, field: &str, value: &str) -> String {
        let answer = self.ask(&format!("{{ {list}(first: 500) {{ nodes {{ id {field} }} }} }}")).await;
        let nodes = answer[list]["nodes"].as_array().unwrap();
        let found = nodes.iter().find(|node| node[field] == value);
        text(&found.unwrap_or_else(|| panic!("{value} is not among {list}"))["id"])
    }

    pub async fn update_asset(&self, input: Value) -> Value {
        let query = "mutation($input: UpdateAssetInput!) { updateAsset(input: $input) { asset { id name owner { email } \
                     ownerSource description descriptionSource userData userDataSource } userErrors { code field } } }";
        let answer = self.ask_with(query, json!({ "input": input })).await;
        assert_eq!(answer["updateAsset"]["userErrors"], json!([]));
        answer["updateAsset"]["asset"].clone()
    }

    pub async fn link_account(&self, input: Value) -> Value {
        let query = "mutation($input: LinkAccountInput!) { linkAccount(input: $input) { account { login personSource \
                     person { email } } userErrors { code field } } }";
        let answer = self.ask_with(query, json!({ "input": input })).await;
        assert_eq!(answer["linkAccount"]["userErrors"], json!([]));
        answer["linkAccount"]["account"].clone()
    }

    pub async fn upsert_person(&self, input: Value) -> Value {
        let query = "mutation($input: UpsertPersonInput!) { upsertPerson(input: $input) { person { id email fullName \
                     aliases status startsOn endsOn } userErrors { code message field } } }";
        self.ask_with(query, json!({ "input": input })).await["upsertPerson"].clone()
    }

    /// `OUTCOME REASON` of a control on the subject with this id, and since when.
    pub async fn verdict(&self, subject: &str, control: &str) -> (String, String) {
        let query = "query($filter: ControlResultFilter) { controlResults(filter: $filter) { nodes { outcome reason since } } }";
        let answer = self.ask_with(query, json!({ "filter": { "controlKey": control, "subjectId": subject } })).await;
        let nodes = answer["controlResults"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 1, "{control}");
        (format!("{} {}", text(&nodes[0]["outcome"]), text(&nodes[0]["reason"])), text(&nodes[0]["since"]))
    }

    /// The latest run, with what the tests look at.
    pub async fn last_run(&self) -> Value {
        let query = "{ syncRuns(first: 1) { nodes { id trigger status requests changes { added updated removed \
                     resultsFlipped } scopes { kind complete errorCode project { name } } } } }";
        self.ask(query).await["syncRuns"]["nodes"][0].clone()
    }
}
