#![no_main]
#![expect(missing_docs, reason = "a program, not an interface")]

libfuzzer_sys::fuzz_target!(|data: &[u8]| doze_fuzz::answer::run(data));
