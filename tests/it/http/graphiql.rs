//! The page that the binary carries.

use super::toy::{Answer, Options, Toy, read};

async fn get(toy: &Toy, path: &str) -> Answer {
    read(toy.anonymous("GET", path)).await
}

/// The script that the page loads.
fn script(page: &Answer) -> String {
    let text = String::from_utf8(page.bytes.clone()).unwrap();
    let after = text.split_once("src=\"").unwrap().1;
    after.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn the_page_may_load_nothing_from_elsewhere() {
    let toy = Toy::start().await;
    for path in ["/graphiql", "/graphiql/"] {
        let page = get(&toy, path).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
        assert!(policy.contains("connect-src 'self';") && policy.ends_with("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("http") && !policy.contains("unsafe-eval"), "{policy}");
        assert_eq!(page.header("cache-control"), Some("no-cache"));
    }
}

#[tokio::test]
async fn a_file_is_sent_compressed_to_those_who_take_it() {
    let toy = Toy::start().await;
    let path = script(&get(&toy, "/graphiql").await);
    let plain = get(&toy, &path).await;
    assert_eq!((plain.status, plain.header("content-encoding")), (200, None));
    assert_eq!(plain.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(plain.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(plain.header("vary"), Some("accept-encoding"));

    let packed = read(toy.anonymous("GET", &path).header("accept-encoding", "br, gzip;q=0.5")).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut unpacked = Vec::new();
    std::io::copy(&mut flate2::read::GzDecoder::new(packed.bytes.as_slice()), &mut unpacked).unwrap();
    assert_eq!(unpacked, plain.bytes);

    let refused = read(toy.anonymous("GET", &path).header("accept-encoding", "gzip;q=0")).await;
    assert_eq!(refused.header("content-encoding"), None);
}

#[tokio::test]
async fn a_known_file_is_not_sent_again() {
    let toy = Toy::start().await;
    let first = get(&toy, "/graphiql").await;
    let tag = first.header("etag").unwrap();
    let again = read(toy.anonymous("GET", "/graphiql").header("if-none-match", tag)).await;
    assert_eq!((again.status, again.bytes.len()), (304, 0));
    let other = read(toy.anonymous("GET", "/graphiql").header("if-none-match", "W/\"other\"")).await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn a_head_tells_the_length_and_sends_nothing() {
    let toy = Toy::start().await;
    let length = get(&toy, "/graphiql").await.bytes.len().to_string();
    let head = read(toy.anonymous("HEAD", "/graphiql")).await;
    assert_eq!((head.status, head.header("content-length"), head.bytes.len()), (200, Some(length.as_str()), 0));
}

#[tokio::test]
async fn only_built_files_are_served() {
    let toy = Toy::start().await;
    for path in ["/graphiql/assets/nothing.js", "/graphiql/..%2f..%2fCargo.toml", "/graphiql/assets"] {
        assert_eq!(get(&toy, path).await.status, 404, "{path}");
    }
    assert_eq!(get(&toy, "/graphiql/LICENSES.md").await.status, 200);
}

#[tokio::test]
async fn a_server_without_the_page_has_none_of_it() {
    let toy = Toy::with(Options { graphiql: false, ..Options::default() }).await;
    assert_eq!(get(&toy, "/graphiql").await.status, 404);
    assert_eq!(get(&toy, "/graphiql/LICENSES.md").await.status, 404);
}
