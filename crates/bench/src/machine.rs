//! Where, and with which versions, it was measured.

use std::{fs, path::Path, process::Command, thread};

use serde_json::{Map, Value, json};

/// Crates whose versions matter to the figures.
const CRATES: [&str; 7] =
    ["aws-sdk-cloudwatch", "aws-sdk-ec2", "lambda_http", "lambda_runtime", "ring", "rustls", "tokio"];

/// The machine.
#[must_use]
pub(crate) fn machine() -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    json!({
        "cpu": model.unwrap_or("unknown"),
        "cores": thread::available_parallelism().map_or(0, usize::from),
        "architecture": std::env::consts::ARCH,
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "load": read("/proc/loadavg").split(' ').next().unwrap_or_default(),
    })
}

/// The versions of what was measured. The lock file is that which the functions were built with.
#[must_use]
pub(crate) fn versions(python: &Path, scripts: &Path) -> Value {
    let mut versions = Map::new();
    let rustc = Command::new("rustc").arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    versions.insert("rustc".to_owned(), json!(String::from_utf8_lossy(&rustc).trim()));
    for (name, version) in locked(include_str!("../../../Cargo.lock")) {
        if CRATES.contains(&name) {
            versions.insert(name.to_owned(), json!(version));
        }
    }
    let output = Command::new(python).arg(scripts.join("versions.py")).output().map(|output| output.stdout);
    if let Ok(Value::Object(of_python)) = serde_json::from_slice(&output.unwrap_or_default()) {
        versions.extend(of_python);
    }
    Value::Object(versions)
}

/// The packages of a lock file, each with its version.
fn locked(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("[[package]]").filter_map(|package| {
        let field = |name| {
            let line = package.lines().find_map(|line| line.strip_prefix(name))?;
            line.strip_prefix(" = \"")?.strip_suffix('"')
        };
        Some((field("name")?, field("version")?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        let text = "version = 4\n\n[[package]]\nname = \"ring\"\nversion = \"0.17.14\"\n\n[[package]]\nname = \"x\"\nversion = \"1\"\n";
        assert_eq!(locked(text).collect::<Vec<_>>(), [("ring", "0.17.14"), ("x", "1")]);
    }
}
