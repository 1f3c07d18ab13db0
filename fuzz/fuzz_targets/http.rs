#![no_main]
#![expect(missing_docs, reason = "a program, not an interface")]

use doze_fuzz::{http, mutation::mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|data: &[u8]| http::run(data));

// Changed as a document more often than as bytes: most changes of bytes are no JSON any more.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(data, size, max_size, seed, &http::MATERIAL).unwrap_or_else(|| fuzzer_mutate(data, size, max_size))
});
