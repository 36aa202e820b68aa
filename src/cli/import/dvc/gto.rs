//! Tags of GTO: which versions of artifacts they register, and which stages they assign.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::git::Tag;
use crate::cli::import::report::Report;

/// The form of a tag, as GTO 1.10 has it in `gto/constants.py`: `name@v1.2.3`, `name#prod#4`, each with `!` when it
/// is taken back; a name may have a folder before it (`folder=name`).
const FORM: &str = concat!(
    r"^(?P<artifact>(?:[a-zA-Z0-9._/-]+=)?[a-zA-Z0-9](?:[a-zA-Z0-9/_-]*[a-zA-Z0-9])?)",
    r"(?:(?:#(?P<stage>[a-zA-Z0-9](?:[a-zA-Z0-9/_-]*[a-zA-Z0-9])?)|@v(?P<version>",
    r"(?P<major>0|[1-9][0-9]*)\.(?P<minor>0|[1-9][0-9]*)\.(?P<patch>0|[1-9][0-9]*)",
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+(?P<build>[0-9A-Za-z.-]+))?))(?P<cancel>!?)",
    r"|@(?P<whole>deprecated|created))(?:#(?P<counter>[0-9]+))?$",
);

#[expect(clippy::unwrap_used, reason = "a test compiles it")]
static TAG: LazyLock<Regex> = LazyLock::new(|| Regex::new(FORM).unwrap());

/// A number of any length.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Number(usize, String);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(Number),
    Word(String),
}

/// A version before its release, and its release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Maturity {
    Before(Vec<Part>),
    Release,
}

/// A version, in the order of semantic versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Semver {
    numbers: [Number; 3],
    maturity: Maturity,
    /// As it is written, with its `v`.
    pub text: String,
}

/// What is registered of an artifact.
#[derive(Debug, Default)]
pub(super) struct Registered {
    /// Versions, and their commits.
    pub versions: BTreeMap<Semver, String>,
    /// Stages, and the versions that are in them.
    pub stages: BTreeMap<String, String>,
}

#[derive(Debug)]
enum Says {
    Version(Semver),
    Stage(String),
    Deprecated,
    Nothing,
}

#[derive(Debug)]
struct Event {
    artifact: String,
    says: Says,
    is_taken_back: bool,
    counter: u64,
}

/// What tags say of artifacts, by their names (`folder:name`); and the tags that are not GTO's.
pub(super) fn registered<'t>(
    tags: &'t [Tag],
    report: &mut Report,
) -> (BTreeMap<String, Registered>, Vec<&'t Tag>) {
    let (mut events, mut others) = (Vec::new(), Vec::new());
    for tag in tags {
        match read(&tag.name) {
            Some(event) => events.push((tag, event)),
            None => others.push(tag),
        }
    }
    events.sort_by_key(|(tag, event)| (tag.at, event.counter));
    let mut registered: BTreeMap<String, Registered> = BTreeMap::new();
    // All that were ever registered, for the stages.
    let mut of_commits: BTreeMap<(&str, &str), &Semver> = BTreeMap::new();
    for (tag, event) in &events {
        let Says::Version(version) = &event.says else { continue };
        let known = registered.entry(event.artifact.clone()).or_default();
        if event.is_taken_back {
            if known.versions.remove(version).is_some() {
                let why = "it was deregistered";
                report.left_out("version of", &event.artifact, Some(&version.text), why);
            }
        } else {
            known.versions.insert(version.clone(), tag.commit.clone());
            let at = of_commits.entry((&event.artifact, &tag.commit)).or_insert(version);
            *at = version.max(*at);
        }
    }
    let mut stages: BTreeMap<(&str, &str), Vec<&Semver>> = BTreeMap::new();
    for (tag, event) in &events {
        match &event.says {
            Says::Stage(stage) => {
                let of = stages.entry((&event.artifact, stage)).or_default();
                let Some(version) = of_commits.get(&(event.artifact.as_str(), &*tag.commit)) else {
                    let why = format!("the commit of the tag {} has no version", tag.name);
                    report.left_out("alias of", &event.artifact, Some(stage), why);
                    continue;
                };
                of.retain(|it| it != version);
                if !event.is_taken_back {
                    of.push(version);
                }
            }
            Says::Deprecated => {
                let why = "GTO calls it deprecated, which nothing here says";
                report.left_out("state of", &event.artifact, None, why);
            }
            Says::Version(_) | Says::Nothing => {}
        }
    }
    for ((artifact, stage), versions) in stages {
        if let (Some(last), Some(known)) = (versions.last(), registered.get_mut(artifact)) {
            known.stages.insert(stage.to_owned(), last.text.clone());
        }
    }
    (registered, others)
}

fn read(tag: &str) -> Option<Event> {
    let found = TAG.captures(tag)?;
    let part = |name: &str| found.name(name).map(|it| it.as_str());
    let says = if let Some(stage) = part("stage") {
        Says::Stage(stage.to_owned())
    } else if let Some(version) = part("version") {
        let number = |text: &str| Number(text.len(), text.to_owned());
        let numbers = ["major", "minor", "patch"].map(|it| number(part(it).unwrap_or_default()));
        let maturity = part("pre").map_or(Maturity::Release, |pre| {
            let is_number = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
            let parts = pre.split('.').map(|it| {
                if is_number(it) { Part::Number(number(it)) } else { Part::Word(it.to_owned()) }
            });
            Maturity::Before(parts.collect())
        });
        Says::Version(Semver { numbers, maturity, text: format!("v{version}") })
    } else if part("whole") == Some("deprecated") {
        Says::Deprecated
    } else {
        Says::Nothing
    };
    Some(Event {
        artifact: part("artifact")?.replace('=', ":"),
        says,
        is_taken_back: part("cancel") == Some("!"),
        counter: part("counter").and_then(|it| it.parse().ok()).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(names: &[&str]) -> Vec<Tag> {
        let tag = |(at, name): (i64, &&str)| {
            let (name, commit) = name.split_once(' ').unwrap_or((name, "c"));
            Tag { name: name.to_owned(), commit: commit.to_owned(), at }
        };
        (0..).zip(names).map(tag).collect()
    }

    #[test]
    fn versions_are_in_the_order_of_semver() {
        let tags = tags(&[
            "m@v1.10.0",
            "m@v1.9.0",
            "m@v2.0.0",
            "m@v2.0.0-rc.10",
            "m@v2.0.0-rc.9",
            "m@v2.0.0-alpha",
            "m@v2.0.0-1",
            "m@v0.0.100000000000000000000000000",
        ]);
        let (registered, others) = registered(&tags, &mut Report::default());
        let texts: Vec<&str> = registered["m"].versions.keys().map(|it| &*it.text).collect();
        assert_eq!(
            texts,
            [
                "v0.0.100000000000000000000000000",
                "v1.9.0",
                "v1.10.0",
                "v2.0.0-1",
                "v2.0.0-alpha",
                "v2.0.0-rc.9",
                "v2.0.0-rc.10",
                "v2.0.0",
            ]
        );
        assert!(others.is_empty());
    }

    #[test]
    fn stages_follow_what_is_assigned_and_taken_back() {
        let tags = tags(&[
            "a@v1.0.0 1",
            "a#prod#1 1",
            "a@v2.0.0 2",
            "a#prod#2 2",
            "a#dev#3 1",
            "a#dev!#4 1",
            "a#prod!#5 2",
            "models=b@v1.0.0 1",
            "models=b#prod 1",
            "models=b@v1.0.0! 1",
            "a#lost#6 3",
            "a@deprecated",
        ]);
        let mut report = Report::default();
        let (registered, _) = registered(&tags, &mut report);
        let prod = BTreeMap::from([("prod".to_owned(), "v1.0.0".to_owned())]);
        assert_eq!(registered["a"].stages, prod, "what was before is so again");
        assert!(registered["models:b"].versions.is_empty());
        assert_eq!(report.left_out.len(), 3, "{report:?}");
    }

    #[test]
    fn other_tags_are_not_of_gto() {
        for tag in [
            "v1.0.0",
            "release",
            "a@1.0.0",
            "a@v1.0",
            "a@v01.0.0",
            "-a@v1.0.0",
            "a#",
            "@v1.0.0",
            "a@v1.0.0#x",
        ] {
            assert!(read(tag).is_none(), "{tag}");
        }
    }
}
