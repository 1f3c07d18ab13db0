//! Cases that other tests show, since no release binary and no endpoint has a part in them.

/// Number, case, expectation, and the file whose test shows it.
pub const ELSEWHERE: &[(u8, &str, &str, &str)] = &[
    (
        38,
        "daylight-saving gap and overlap, leap day, unknown zone",
        "defined, tested; an unknown zone is `bad-tag`",
        "crates/idleness/tests/schedules.rs",
    ),
    (
        44,
        "a token that is expired, for another instance or action, tampered with, or signed `none`",
        "401 or 403, nothing revealed",
        "crates/wake/tests/tokens.rs",
    ),
    (45, "the template: each IAM condition removed in turn", "a test fails", "scripts/check_permissions.py"),
];
