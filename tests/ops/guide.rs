//! docs/operations.md, and the comments of docker/: every figure, command, setting, route and file that they name exists.

use std::collections::BTreeSet;

use walaa::config::Config;

use super::{files_below, names, root, text};

const GUIDE: &str = "docs/operations.md";

/// Lines that a reader goes through in one sitting.
const LONGEST: usize = 250;

/// Where commands are shown.
const SHOW_COMMANDS: &[&str] =
    &[GUIDE, "docker/compose.yaml", "docker/compose.cluster.yaml", "docker/systemd/walaa.service", "docker/systemd/secrets.conf"];

/// What stands between backticks.
fn spans(text: &str) -> Vec<&str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn the_guide_fits_a_sitting() {
    let lines = text(GUIDE).lines().count();
    assert!(lines <= LONGEST, "{lines} lines");
}

#[test]
fn every_figure_that_is_to_be_watched_is_recorded() {
    let sources = files_below(&root().join("src"));
    let code: String = sources
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .map(|path| text(path.to_str().expect("a plain path")))
        .collect();
    let recorded: BTreeSet<String> = ["counter!(\"", "gauge!(\"", "histogram!(\""]
        .iter()
        .flat_map(|kind| code.split(kind).skip(1))
        .filter_map(|rest| rest.split('"').next().map(str::to_owned))
        .collect();
    assert!(recorded.len() > 20, "{recorded:?}");
    let guide = text(GUIDE);
    // The database's owner is no figure.
    let named: BTreeSet<String> =
        spans(&guide).iter().flat_map(|span| names(span, "walaa_", &[])).filter(|name| name != "walaa_owner").collect();
    let unknown: Vec<_> = named.difference(&recorded).collect();
    assert!(unknown.is_empty(), "nothing records {unknown:?}");
    assert!(named.len() > 15, "{named:?}");
}

#[test]
fn every_setting_that_is_named_exists() {
    let sections = Config::sections();
    let mut offences = Vec::new();
    let mut check = |place: &str, section: &str, key: &str| {
        if !Config::keys_of(section).iter().any(|known| known == key) {
            offences.push(format!("{place}: {section}.{key}"));
        }
    };
    let guide = text(GUIDE);
    for span in spans(&guide) {
        let words = span.split(|letter: char| !(letter.is_ascii_alphanumeric() || "._-/".contains(letter)));
        for (section, key) in
            words.filter_map(|word| word.split_once('.')).filter(|(section, _)| sections.iter().any(|known| known == section))
        {
            check(GUIDE, section, key);
        }
    }
    let mut variables = 0;
    for path in files_below(&root().join("docker"))
        .into_iter()
        .chain([root().join(GUIDE)])
        .filter(|path| !path.starts_with(root().join("docker/secrets")))
    {
        let place = path.strip_prefix(root()).expect("below the root").display().to_string();
        for name in names(&text(&place), "WALAA_", &[]) {
            let Some((section, key)) = name["WALAA_".len()..].split_once("__") else {
                assert!(["WALAA_CONFIG", "WALAA_COPY_TO"].contains(&name.as_str()), "{place}: nothing reads {name}");
                continue;
            };
            variables += 1;
            check(&place, &section.to_lowercase(), &key.to_lowercase());
        }
    }
    assert!(offences.is_empty(), "no such setting: {offences:?}");
    assert!(variables > 5, "{variables} variables were found");
}

#[test]
fn every_command_that_is_shown_exists_with_its_options() {
    let (mut offences, mut seen) = (Vec::new(), 0);
    for place in SHOW_COMMANDS {
        let whole = text(place);
        let shown: Vec<&str> =
            if *place == GUIDE { spans(&whole) } else { whole.lines().filter(|line| line.starts_with('#')).collect() };
        for line in shown {
            let words: Vec<&str> = line.split([' ', '`', '(', ')']).filter(|word| !word.is_empty()).collect();
            for (at, _) in words.iter().enumerate().filter(|(_, word)| **word == "walaa") {
                match outcome(&words[at + 1..]) {
                    Some(Ok(())) => seen += 1,
                    Some(Err(what)) => offences.push(format!("{place}: {what} in \"{}\"", line.trim())),
                    None => {}
                }
            }
        }
    }
    assert!(offences.is_empty(), "{offences:#?}");
    assert!(seen > 20, "{seen} commands were found");
}

/// Whether the words after `walaa` are a command with its options; nothing if they are none of it at all.
fn outcome(words: &[&str]) -> Option<Result<(), String>> {
    let first = words.first()?;
    if !first.starts_with(|letter: char| letter.is_ascii_lowercase()) || ["walaa", "says"].contains(first) {
        return None;
    }
    let mut command = walaa::cli::command();
    let mut rest = words;
    while let Some(below) = rest.first().and_then(|word| command.find_subcommand(word)).cloned() {
        (command, rest) = (below, &rest[1..]);
    }
    if rest.len() == words.len()
        || (command.has_subcommands()
            && rest.first().is_some_and(|word| word.starts_with(|letter: char| letter.is_ascii_lowercase())))
    {
        return Some(Err(format!("walaa {} is no command", words.join(" "))));
    }
    let options = rest.iter().take_while(|word| !["|", ">", "&&"].contains(word)).filter_map(|word| word.strip_prefix("--"));
    for option in options {
        if !command.get_arguments().any(|argument| argument.get_long() == Some(option)) {
            return Some(Err(format!("{} has no --{option}", command.get_name())));
        }
    }
    Some(Ok(()))
}

#[test]
fn every_route_that_is_named_exists() {
    let document = serde_json::to_value(walaa::http::openapi::document()).expect("it is JSON");
    let guide = text(GUIDE);
    let mut seen = 0;
    for (method, path) in spans(&guide).iter().filter_map(|span| span.split_once(" /v1/")) {
        let known = &document["paths"][format!("/v1/{path}")][method.to_lowercase()];
        assert!(known.is_object(), "there is no {method} /v1/{path}");
        seen += 1;
    }
    assert!(seen > 1, "{seen} routes were found");
}

#[test]
fn every_file_that_is_named_is_there() {
    let guide = text(GUIDE);
    let linked = guide.split("](../").skip(1).filter_map(|rest| rest.split(')').next());
    let spanned = spans(&guide).into_iter().filter(|span| span.starts_with("docker/"));
    let missing: Vec<_> = linked.chain(spanned).filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
