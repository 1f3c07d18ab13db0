//! A linker script that puts side by side what is called: memory is filled with a binary in pieces of 64 KB, and a function that a start
//! calls brings the fifty beside it along.

use std::{collections::BTreeMap, fmt::Write as _};

/// When a function is called first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    /// From the start of a function to its first answer, where it asks nobody.
    Start,
    /// Where AWS is asked, or is about to be.
    Run,
}

impl When {
    /// In the order in which they lie.
    const ALL: [Self; 2] = [Self::Start, Self::Run];

    const fn section(self) -> &'static str {
        match self {
            Self::Start => ".text.start",
            Self::Run => ".text.run",
        }
    }

    /// The libraries that are in it as a whole: they are small, and not all of their sections have names.
    const fn whole(self) -> &'static [&'static str] {
        match self {
            Self::Start => &["libc.a:", "libzigc.a:", "libcompiler_rt.a:"],
            Self::Run => &["libring-"],
        }
    }
}

/// The functions of all binaries, by the names that they have in each build.
#[derive(Debug)]
pub(crate) struct Functions(BTreeMap<String, Size>);

impl Default for Functions {
    fn default() -> Self {
        // No name may be as short as to begin the sections of what compilers take to be called never, `.text.unlikely.NAME`.
        Self(BTreeMap::from([("unlikely.".to_owned(), Size { all: u64::from(u32::MAX), ..Size::default() })]))
    }
}

/// The bytes of all functions of a name, in the binary that has most of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    all: u64,
    /// Of those that are called at the start, and in a run.
    called: [u64; 2],
}

impl Functions {
    /// Adds those of one binary: each symbol, its bytes, and when it was called, if it was.
    pub(crate) fn add<'a>(&mut self, symbols: impl IntoIterator<Item = (&'a str, u64, Option<When>)>) {
        let mut names = BTreeMap::<String, Size>::new();
        for (symbol, bytes, when) in symbols.into_iter().filter(|(symbol, ..)| !symbol.is_empty()) {
            let size = names.entry(lasting(symbol)).or_default();
            size.all += bytes;
            if let Some(when) = when {
                size.called[when as usize] += bytes;
            }
        }
        for (name, size) in names {
            let most = self.0.entry(name).or_default();
            most.all = most.all.max(size.all);
            for (most, called) in most.called.iter_mut().zip(size.called) {
                *most = called.max(*most);
            }
        }
    }

    /// The linker script.
    #[must_use]
    pub(crate) fn script(mut self) -> String {
        let mut script = "/* Recorded by scripts/record-layout.sh, which says what for: the beginnings of the names of what is called. */\n\
                          SECTIONS {\n"
            .to_owned();
        for when in When::ALL {
            let patterns = self.patterns(when);
            let _ = writeln!(script, "  {} : {{", when.section());
            for whole in when.whole() {
                let _ = writeln!(script, "    *{whole}*(.text .text.*)");
            }
            for pattern in &patterns {
                // Compilers name the sections apart of what they take to be called seldom, as whatever makes a vector grow.
                let _ = writeln!(script, "    *(.text.{pattern} .text.unlikely.{pattern})");
            }
            script.push_str("  }\n");
            // A function lies where it is named first.
            self.0.retain(|name, _| !patterns.iter().any(|pattern| is_named(name, pattern)));
        }
        script + "} INSERT BEFORE .text;\n"
    }

    /// The shortest beginnings of names of which at least half, by size, are called then, as patterns. Narrower, the script is twice as
    /// long, and a function takes a twentieth less of memory.
    fn patterns(&self, when: When) -> Vec<String> {
        let names: Vec<_> =
            self.0.iter().map(|(name, size)| (name.as_str(), size.all, size.called[when as usize])).collect();
        let mut found = Vec::new();
        narrow(&names, 0, &mut found);
        found
    }
}

fn is_named(name: &str, pattern: &str) -> bool {
    pattern.strip_suffix('*').map_or(name == pattern, |beginning| name.starts_with(beginning))
}

/// Looks for such beginnings among names that are sorted, and have so many characters in common.
fn narrow(names: &[(&str, u64, u64)], length: usize, found: &mut Vec<String>) {
    let (all, called) = names.iter().fold((0, 0), |sums, (_, all, called)| (sums.0 + all, sums.1 + called));
    let Some((first, ..)) = names.first().filter(|_| called > 0) else { return };
    if names.len() == 1 && first.len() == length {
        // Others may begin with it.
        found.push((*first).to_owned());
        return;
    }
    if length > 0 && (called * 2 >= all || names.len() == 1) {
        found.extend(first.get(..length).map(|beginning| format!("{beginning}*")));
        return;
    }
    let next = |name: &str| name.as_bytes().get(length).copied();
    for group in names.chunk_by(|(one, ..), (other, ..)| next(one) == next(other)) {
        // A name that ends here is alone in its group.
        narrow(group, length + usize::from(next(group[0].0).is_some()), found);
    }
}

/// A symbol without what changes with every build, as a pattern: the hash of a function, those of crates, numbers by which a linker tells
/// alike ones apart, and the version of `ring`.
fn lasting(symbol: &str) -> String {
    if let Some(at) = symbol.rfind("17h").filter(|_| symbol.starts_with("_ZN")) {
        return symbol[..at + 3].to_owned() + "*";
    }
    let (name, numbers) = symbol.split_once('.').unwrap_or_default();
    if !numbers.is_empty() && numbers.bytes().all(|byte| byte.is_ascii_digit()) {
        return lasting(name) + ".*";
    }
    if let Some((_, name)) = symbol.strip_prefix("ring_core_").and_then(|name| name.split_once("__")) {
        return format!("ring_core_*__{name}");
    }
    if !symbol.starts_with("_R") {
        return symbol.to_owned();
    }
    let hashless = |piece: &str| {
        let (hash, rest) = piece.split_once('_')?;
        hash.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| format!("*_{rest}"))
    };
    let mut pieces = symbol.split("Cs");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |name, piece| name + "Cs" + &hashless(piece).unwrap_or_else(|| piece.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(symbols: &[(&str, u64, Option<When>)]) -> String {
        let mut functions = Functions::default();
        functions.add(symbols.iter().copied());
        functions.script()
    }

    fn patterns(script: &str, when: When) -> Vec<&str> {
        let section = script.split_once(&format!("  {} : {{\n", when.section())).expect("the script has the section").1;
        let lines = section.split_once("  }\n").expect("it ends").0.lines().map(str::trim);
        lines.filter_map(|line| line.strip_prefix("*(.text.")?.split_once(' ').map(|(pattern, _)| pattern)).collect()
    }

    #[test]
    fn a_script_names_sections_in_the_order_in_which_they_shall_lie() {
        let script = script(&[("_ZN4main17h0123456789abcdefE", 7, Some(When::Start)), ("stop", 7, Some(When::Run))]);
        let expected = "\
SECTIONS {
  .text.start : {
    *libc.a:*(.text .text.*)
    *libzigc.a:*(.text .text.*)
    *libcompiler_rt.a:*(.text .text.*)
    *(.text._* .text.unlikely._*)
  }
  .text.run : {
    *libring-*(.text .text.*)
    *(.text.s* .text.unlikely.s*)
  }
} INSERT BEFORE .text;
";
        assert_eq!(script.split_once("*/\n").expect("a comment says where it is from").1, expected);
    }

    #[test]
    fn names_are_as_short_as_they_tell_one_from_another() {
        let script = script(&[
            ("_ZN5tokio3run17h0123456789abcdefE", 100, Some(When::Start)),
            ("_ZN5tokio4spin17h0123456789abcdefE", 900, None),
            ("memcpy", 10, Some(When::Start)),
        ]);
        assert_eq!(patterns(&script, When::Start), ["_ZN5tokio3*", "m*"]);
    }

    #[test]
    fn as_much_that_is_not_called_may_lie_beside_what_is() {
        let symbols = |idle| {
            [
                ("_ZN4home4page17h0123456789abcdefE", 100, Some(When::Start)),
                ("_ZN4home4idle17h0123456789abcdefE", idle, None),
            ]
        };
        assert_eq!(patterns(&script(&symbols(100)), When::Start), ["_*"]);
        assert_eq!(patterns(&script(&symbols(101)), When::Start), ["_ZN4home4p*"]);
    }

    #[test]
    fn what_a_start_calls_lies_there_for_a_run_too() {
        let mut functions = Functions::default();
        functions.add([("parse", 100, Some(When::Start)), ("stop", 100, None)]);
        functions.add([("parse", 100, Some(When::Run)), ("stop", 100, Some(When::Run))]);
        let script = functions.script();
        assert_eq!(patterns(&script, When::Start), ["p*"]);
        assert_eq!(patterns(&script, When::Run), ["s*"]);
    }

    #[test]
    fn a_name_that_begins_another_is_told_apart_by_its_end() {
        let of = |bytes| script(&[("read", 10, Some(When::Start)), ("readlink", bytes, None)]);
        assert_eq!(patterns(&of(11), When::Start), ["read"]);
        assert_eq!(patterns(&of(10), When::Start), ["r*"]);
    }

    #[test]
    fn what_is_named_for_the_start_is_not_named_again() {
        let script = script(&[("read", 9, Some(When::Start)), ("readlink", 10, Some(When::Run)), ("ready", 5, None)]);
        assert_eq!(patterns(&script, When::Start), ["read"]);
        assert_eq!(patterns(&script, When::Run), ["r*"]);
    }

    #[test]
    fn what_is_large_in_one_binary_counts_as_large() {
        let mut functions = Functions::default();
        functions.add([("parse", 10, Some(When::Start)), ("page", 8, None), ("page", 8, None)]);
        functions.add([("parse", 10, None), ("page", 1, None)]);
        assert_eq!(patterns(&functions.script(), When::Start), ["par*"]);
    }

    #[test]
    fn what_is_called_never_is_not_taken_for_something_of_that_name() {
        let script = script(&[("umask", 10, Some(When::Start)), ("zero", 1000, None)]);
        assert_eq!(patterns(&script, When::Start), ["um*"]);
    }

    #[test]
    fn names_outlast_builds() {
        let expect = |symbol: &str, name: &str| assert_eq!(lasting(symbol), name);
        expect("_ZN4core3fmt5write17h0123456789abcdefE", "_ZN4core3fmt5write17h*");
        expect("_ZN4core3fmt5write17h0123456789abcdefE.llvm.42", "_ZN4core3fmt5write17h*");
        expect("_RNvNtCs2Nb3gJ4iU0I_5alloc3fmt6format", "_RNvNtCs*_5alloc3fmt6format");
        expect("_RNvNtCs2Nb3gJ4iU0I_5alloc3fmt6format.70", "_RNvNtCs*_5alloc3fmt6format.*");
        expect("ring_core_0_17_14__LIMB_is_zero", "ring_core_*__LIMB_is_zero");
        expect("heap.SmpAllocator.alloc", "heap.SmpAllocator.alloc");
        expect("SSL_Cs_x", "SSL_Cs_x");
    }
}
