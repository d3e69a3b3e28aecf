//! Callers that an OpenID Connect issuer vouches for, through HTTP, against an issuer with real keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use chrono::TimeDelta;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use slategate::auth::oidc::{Oidc, OidcSettings};
use slategate::store::views::Role;
use tokio_util::task::TaskTracker;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::on_both_databases;
use crate::support::process::eventually;
use crate::support::{Served, World};

const VIEWER: &str = "{ viewer { name role workspace { name } } }";

/// Where the private half of an RSA-2048 key begins within its PKCS #8 wrapping.
const PKCS8_HEADER: usize = 26;

struct Signer {
    id: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    fn new(id: &str, algorithm: Algorithm) -> Self {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let key = match algorithm {
            Algorithm::RS256 | Algorithm::PS256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
                let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
                EncodingKey::from_rsa_der(&der.as_ref()[PKCS8_HEADER..])
            }
            Algorithm::ES256 => {
                let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
                EncodingKey::from_ec_der(der.as_ref())
            }
            Algorithm::EdDSA => EncodingKey::from_ed_der(Ed25519KeyPair::generate_pkcs8v1(&random).unwrap().as_ref()),
            _ => panic!("not among the tested"),
        };
        Self { id: id.to_owned(), algorithm, key }
    }

    fn published(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.clone());
        jwk
    }

    fn header(&self) -> Header {
        Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) }
    }

    fn sign(&self, claims: &Value) -> String {
        encode(&self.header(), claims, &self.key).unwrap()
    }
}

/// An issuer whose keys can be changed, and which counts how often it is asked for them.
struct Issuer {
    server: MockServer,
    asked: Arc<AtomicU32>,
}

impl Issuer {
    async fn start() -> Self {
        Self { server: MockServer::start().await, asked: Arc::default() }
    }

    fn url(&self) -> String {
        format!("{}/realms/main", self.server.uri())
    }

    async fn publish(&self, signers: &[&Signer]) {
        let keys: Vec<Jwk> = signers.iter().map(|signer| signer.published()).collect();
        self.answer(
            json!({ "issuer": self.url(), "jwks_uri": format!("{}/keys", self.server.uri()) }),
            json!({ "keys": keys }),
        )
        .await;
    }

    async fn answer(&self, discovery: Value, keys: Value) {
        self.server.reset().await;
        let asked = Arc::clone(&self.asked);
        let discovery = Mock::given(path("/realms/main/.well-known/openid-configuration")).respond_with(
            move |_: &wiremock::Request| {
                asked.fetch_add(1, Ordering::SeqCst);
                ResponseTemplate::new(200).set_body_json(&discovery)
            },
        );
        self.server.register(discovery).await;
        self.server
            .register(Mock::given(path("/keys")).respond_with(ResponseTemplate::new(200).set_body_json(keys)))
            .await;
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    async fn trusted_by(&self, world: &World) -> Served {
        let settings = OidcSettings {
            issuer: self.url().parse().unwrap(),
            issuer_text: self.url(),
            audience: "slategate".to_owned(),
            role_claim: "roles".to_owned(),
            workspace_claim: Some("workspace".to_owned()),
        };
        world.serve_trusting(Some(Oidc::new(settings, world.clock.clone(), TaskTracker::new()).unwrap())).await
    }

    fn claims(&self, world: &World) -> Value {
        let now = world.clock.now().timestamp();
        json!({
            "iss": self.url(), "aud": ["slategate"], "sub": "u-1", "email": "ada@example.com", "roles": ["analyst"],
            "workspace": "default", "iat": now, "nbf": now, "exp": now + 300,
        })
    }
}

async fn status(served: &Served, token: &str) -> u16 {
    served.post(Some(token), VIEWER, json!({})).await.0
}

on_both_databases! {
    async fn a_signed_token_names_its_caller(database) {
        let world = World::new(&database).await;
        let issuer = Issuer::start().await;
        let algorithms = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];
        let signers = algorithms.map(|algorithm| Signer::new(&format!("{algorithm:?}"), algorithm));
        issuer.publish(&signers.each_ref()).await;
        let served = issuer.trusted_by(&world).await;
        for signer in &signers {
            let (status, answer) = served.post(Some(&signer.sign(&issuer.claims(&world))), VIEWER, json!({})).await;
            let viewer = json!({ "name": "ada@example.com", "role": "ANALYST", "workspace": { "name": "default" } });
            assert_eq!((status, &answer["data"]["viewer"]), (200, &viewer), "{}", signer.id);
        }
        assert_eq!(issuer.asked(), 1, "keys are kept");
        let own = world.token(world.workspace, Role::Viewer).await;
        assert_eq!(status(&served, &own).await, 200, "our own tokens go on");
    }

    async fn what_does_not_count_is_refused_alike(database) {
        let world = World::new(&database).await;
        let issuer = Issuer::start().await;
        let (signer, stranger) = (Signer::new("k1", Algorithm::ES256), Signer::new("k1", Algorithm::ES256));
        issuer.publish(&[&signer]).await;
        let served = issuer.trusted_by(&world).await;
        let good = issuer.claims(&world);
        assert_eq!(status(&served, &signer.sign(&good)).await, 200);
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            claims
        };
        let now = world.clock.now().timestamp();
        let mut refused = vec![stranger.sign(&good)];
        for claims in [
            with("iss", json!("https://id.example")),
            with("iss", Value::Null),
            with("aud", json!("another")),
            with("aud", Value::Null),
            with("exp", json!(now - 61)),
            with("exp", json!(now - 60)),
            with("exp", json!("tomorrow")),
            with("exp", Value::Null),
            with("nbf", json!(now + 3_600)),
            with("sub", Value::Null),
            with("roles", json!(["root"])),
            with("roles", Value::Null),
            with("workspace", json!("nowhere")),
            with("workspace", Value::Null),
        ] {
            refused.push(signer.sign(&claims));
        }
        refused.push(unsigned(&good));
        refused.push(signed_with_the_published_key(&signer, &good));
        let critical = Header { crit: Some(vec!["exp".to_owned()]), ..signer.header() };
        refused.push(encode(&critical, &good, &signer.key).unwrap());
        let mut cut = signer.sign(&good);
        cut.truncate(cut.len() - 2);
        refused.push(cut);
        let (_, expected) = served.post(Some("slg_nonsense"), VIEWER, json!({})).await;
        for token in refused {
            let (status, answer) = served.post(Some(&token), VIEWER, json!({})).await;
            assert_eq!((status, &answer["errors"][0]["message"]), (401, &expected["errors"][0]["message"]), "{token}");
            // So that none is refused for those before it.
            world.clock.advance(TimeDelta::seconds(7));
        }
    }

    async fn keys_are_renewed_when_they_change_and_kept_while_the_issuer_is_away(database) {
        let world = World::new(&database).await;
        let issuer = Issuer::start().await;
        let (old, new) = (Signer::new("old", Algorithm::ES256), Signer::new("new", Algorithm::EdDSA));
        issuer.publish(&[&old]).await;
        let served = issuer.trusted_by(&world).await;
        assert_eq!(status(&served, &old.sign(&issuer.claims(&world))).await, 200);

        issuer.publish(&[&old, &new]).await;
        assert_eq!(status(&served, &new.sign(&issuer.claims(&world))).await, 401, "asked a moment ago");
        assert_eq!(issuer.asked(), 1);
        world.clock.advance(TimeDelta::seconds(31));
        assert_eq!(status(&served, &new.sign(&issuer.claims(&world))).await, 200);
        assert_eq!(issuer.asked(), 2);

        issuer.publish(&[&new]).await;
        world.clock.advance(TimeDelta::minutes(61));
        assert_eq!(status(&served, &old.sign(&issuer.claims(&world))).await, 401, "withdrawn");

        // Unknown keys make the issuer be asked once in 30 seconds, however many are named.
        let before = issuer.asked();
        for _ in 0..9 {
            assert_eq!(status(&served, &old.sign(&issuer.claims(&world))).await, 401);
            world.clock.advance(TimeDelta::seconds(7));
        }
        assert_eq!(issuer.asked() - before, 1);

        issuer.server.reset().await;
        world.clock.advance(TimeDelta::hours(23));
        assert_eq!(status(&served, &new.sign(&issuer.claims(&world))).await, 200, "the issuer is away");
        world.clock.advance(TimeDelta::hours(2));
        assert_eq!(status(&served, &new.sign(&issuer.claims(&world))).await, 503, "away for too long");
    }

    async fn an_issuer_that_answers_nonsense_is_not_believed(database) {
        let world = World::new(&database).await;
        let issuer = Issuer::start().await;
        let signer = Signer::new("k1", Algorithm::ES256);
        let keys = json!({ "keys": [signer.published()] });
        let own_keys = format!("{}/keys", issuer.server.uri());
        let cases = [
            (json!({ "issuer": "https://id.example", "jwks_uri": own_keys }), keys.clone()),
            (json!({ "issuer": issuer.url(), "jwks_uri": "http://192.0.2.1/keys" }), keys.clone()),
            (json!({ "issuer": issuer.url() }), keys.clone()),
            (json!({ "issuer": issuer.url(), "jwks_uri": own_keys }), json!({ "keys": "none" })),
            (json!({ "issuer": issuer.url(), "jwks_uri": own_keys }), json!({ "keys": [], "x": "y".repeat(5 << 20) })),
        ];
        for (discovery, keys) in cases {
            issuer.answer(discovery.clone(), keys).await;
            let served = issuer.trusted_by(&world).await;
            assert_eq!(status(&served, &signer.sign(&issuer.claims(&world))).await, 503, "{discovery}");
        }
        let odd = json!({ "keys": [{ "kty": "new" }, 7, { "kty": "RSA", "n": "!" }, signer.published()] });
        issuer.answer(json!({ "issuer": issuer.url(), "jwks_uri": own_keys }), odd).await;
        let served = issuer.trusted_by(&world).await;
        assert_eq!(status(&served, &signer.sign(&issuer.claims(&world))).await, 200, "one odd key costs only itself");
    }
}

on_both_databases! {
    async fn an_issuer_that_is_away_is_no_fault_of_the_caller(database) {
        let world = World::new(&database).await;
        let issuer = Issuer::start().await;
        let signer = Signer::new("k1", Algorithm::ES256);
        let served = issuer.trusted_by(&world).await;
        for _ in 0..12 {
            assert_eq!(status(&served, &signer.sign(&issuer.claims(&world))).await, 503);
        }
        issuer.publish(&[&signer]).await;
        world.clock.advance(TimeDelta::seconds(31));
        assert_eq!(status(&served, &signer.sign(&issuer.claims(&world))).await, 200);
    }

    async fn a_slow_issuer_is_heard_out_though_no_caller_waits_so_long(database) {
        let world = World::new(&database).await;
        let issuer = Issuer::start().await;
        let signer = Signer::new("k1", Algorithm::ES256);
        issuer.publish(&[&signer]).await;
        let keys = json!({ "keys": [signer.published()] });
        let slow = ResponseTemplate::new(200).set_body_json(keys).set_delay(Duration::from_millis(3_500));
        issuer.server.register(Mock::given(path("/keys")).respond_with(slow).with_priority(1)).await;
        let served = issuer.trusted_by(&world).await;
        let begun = Instant::now();
        assert_eq!(status(&served, &signer.sign(&issuer.claims(&world))).await, 503);
        assert!(begun.elapsed() < Duration::from_millis(3_400), "{:?}", begun.elapsed());
        let heard = || async { status(&served, &signer.sign(&issuer.claims(&world))).await == 200 };
        assert!(eventually(Duration::from_secs(10), heard).await.is_ok(), "its answer was thrown away");
        assert_eq!(issuer.asked(), 1);
    }

    async fn an_issuer_is_not_followed_elsewhere(database) {
        let world = World::new(&database).await;
        let (issuer, elsewhere) = (Issuer::start().await, Issuer::start().await);
        let signer = Signer::new("k1", Algorithm::ES256);
        elsewhere.publish(&[&signer]).await;
        let keys = format!("{}/keys", elsewhere.server.uri());
        for redirected in ["/realms/main/.well-known/openid-configuration", "/keys"] {
            issuer.publish(&[&signer]).await;
            let redirect = ResponseTemplate::new(302).insert_header("location", keys.as_str());
            issuer.server.register(Mock::given(path(redirected)).respond_with(redirect).with_priority(1)).await;
            let served = issuer.trusted_by(&world).await;
            assert_eq!(status(&served, &signer.sign(&issuer.claims(&world))).await, 503, "{redirected}");
        }
        assert_eq!(elsewhere.server.received_requests().await.unwrap().len(), 0);
    }

    async fn a_good_signature_is_no_guess_even_from_an_address_that_is_locked_out(database) {
        let world = World::new(&database).await;
        let issuer = Issuer::start().await;
        let (signer, stranger) = (Signer::new("k1", Algorithm::ES256), Signer::new("k1", Algorithm::ES256));
        issuer.publish(&[&signer]).await;
        let served = issuer.trusted_by(&world).await;
        assert_eq!(status(&served, &signer.sign(&issuer.claims(&world))).await, 200);
        for _ in 0..10 {
            assert_eq!(status(&served, &stranger.sign(&issuer.claims(&world))).await, 401);
        }
        assert_eq!(status(&served, &stranger.sign(&issuer.claims(&world))).await, 429);
        let mut another = issuer.claims(&world);
        another["sub"] = json!("u-2");
        assert_eq!(status(&served, &signer.sign(&another)).await, 200);
        another["exp"] = json!(world.clock.now().timestamp() - 120);
        assert_eq!(status(&served, &signer.sign(&another)).await, 429, "alike");
    }
}

/// A token with `alg: none`.
fn unsigned(claims: &Value) -> String {
    format!("{}.{}.", base64url(&json!({ "alg": "none", "typ": "JWT" })), base64url(claims))
}

/// A token whose HMAC key is the published key.
fn signed_with_the_published_key(signer: &Signer, claims: &Value) -> String {
    let public = serde_json::to_vec(&signer.published()).unwrap();
    let header = Header { kid: Some(signer.id.clone()), ..Header::new(Algorithm::HS256) };
    encode(&header, claims, &EncodingKey::from_secret(&public)).unwrap()
}

fn base64url(value: &Value) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
}
