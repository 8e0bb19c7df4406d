#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| afw_fuzz::checks::nginx_format(data));
