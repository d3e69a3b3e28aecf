//! What the schema says of itself.
//!
//! The library's own introspection never tells that an interface implements another, which generators of types need to
//! know of `Asset`, and describes every schema alike. This one reads the same registry, and is asked in its place. Its
//! types are never registered: the library has registered theirs, and documents are validated against those.

mod described;

use std::borrow::Cow;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::{ContainerType, resolve_container};
use async_graphql::{
    Context, ContextSelectionSet, Error, ObjectType, OutputType, Positioned, Request, ServerResult, Value,
};

use super::access::{Action, require};
use super::error::ApiError;
use described::{SchemaOf, TypeOf};

/// A root of reading that also answers `__schema` and `__type`.
pub struct Introspected<Query>(pub Query);

/// Keeps the library from answering what [`Introspected`] answers.
pub fn answered_by_us(request: Request) -> Request {
    request.disable_introspection()
}

impl<Query: ObjectType> ContainerType for Introspected<Query> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        let registry = &ctx.schema_env.registry;
        let below = ctx.with_selection_set(&ctx.item.node.selection_set);
        if ctx.item.node.name.node.starts_with("__") {
            let refused = |error: ApiError| ctx.set_error_path(Error::from(error).into_server_error(ctx.item.pos));
            require(ctx, Action::Read).map_err(refused)?;
        }
        match ctx.item.node.name.node.as_str() {
            "__schema" => SchemaOf(registry).resolve(&below, ctx.item).await.map(Some),
            "__type" => {
                let (_, name) = ctx.param_value::<String>("name", None)?;
                TypeOf::named(registry, &name).resolve(&below, ctx.item).await.map(Some)
            }
            _ => self.0.resolve_field(ctx).await,
        }
    }
}

impl<Query: ObjectType> OutputType for Introspected<Query> {
    fn type_name() -> Cow<'static, str> {
        Query::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Query::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _field: &Positioned<Field>) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl<Query: ObjectType> ObjectType for Introspected<Query> {}
