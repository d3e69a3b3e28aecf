//! A text that comes in and never goes out.

use std::borrow::Cow;

use async_graphql::registry::Registry;
use async_graphql::{InputType, InputValueError, InputValueResult, Value};
use secrecy::SecretString;

/// A `String` argument that is kept as a secret from the first moment.
#[derive(Debug)]
pub struct Secret(SecretString);

impl From<Secret> for SecretString {
    fn from(secret: Secret) -> Self {
        secret.0
    }
}

impl InputType for Secret {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        String::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        String::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        match value {
            Some(Value::String(text)) => Ok(Self(text.into())),
            _ => Err(InputValueError::custom("a text is expected")),
        }
    }

    /// Only ever asked of defaults, and a secret has none.
    fn to_value(&self) -> Value {
        Value::Null
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn it_is_readable_on_purpose_only() {
        let secret = Secret::parse(Some(Value::from("hunter2"))).expect("is a text");

        assert!(!format!("{secret:?}").contains("hunter2"));
        assert_eq!(secret.to_value(), Value::Null);
        assert_eq!(SecretString::from(secret).expose_secret(), "hunter2");
    }

    #[test]
    fn a_refused_value_is_not_repeated() {
        let Err(error) = Secret::parse(Some(Value::from(771_177))) else { panic!("a number is no text") };

        assert!(!error.into_server_error(async_graphql::Pos::default()).message.contains("771177"));
    }
}
