#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| slategate::fuzz::run("scim_user", input));
