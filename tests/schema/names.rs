//! What a name is, and when two are the same: the database says what `blockyard::api::name` says, and
//! both what Unicode says.

use std::collections::BTreeMap;
use std::fs;

use blockyard::api::name::{self, Name, OF_USERNAMES, UNFIT};
use blockyard::users::Username;
use icu_casemap::CaseMapper;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use regex_syntax::hir::{Class, ClassUnicode, HirKind};
use sqlx::query_as;
use unicode_normalization::UnicodeNormalization;

use crate::support::Database;

const MIGRATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/0001_ground.sql");
const BEGIN: &str = "-- generated: begin (BLESS=1 cargo test --test schema names)\n";
const END: &str = "-- generated: end\n";

/// The characters of a class of Unicode.
fn class(pattern: &str) -> ClassUnicode {
    match regex_syntax::parse(pattern).unwrap().into_kind() {
        HirKind::Class(Class::Unicode(class)) => class,
        other => panic!("{pattern} is no class: {other:?}"),
    }
}

fn unfit() -> ClassUnicode {
    class(&format!("[{}]", UNFIT.map(|(class, _)| class).concat()))
}

/// Its characters, without U+0000, which PostgreSQL does not hold.
fn characters(class: &ClassUnicode) -> impl Iterator<Item = char> {
    class.ranges().iter().flat_map(|range| range.start().max('\u{1}')..=range.end())
}

/// The characters that a name may have.
fn fit() -> ClassUnicode {
    let mut fit = unfit();
    fit.negate();
    fit
}

/// A bracket expression of PostgreSQL's, as a literal of several lines.
fn bracketed(class: &ClassUnicode) -> String {
    let escaped = |character: char| match u32::from(character) {
        code @ ..=0xFFFF => format!("\\u{code:04X}"),
        code => format!("\\U{code:08X}"),
    };
    let ranges = class.ranges().iter().map(|range| {
        // PostgreSQL has no text with U+0000.
        let (start, end) = (range.start().max('\u{1}'), range.end());
        if start == end { escaped(start) } else { format!("{}-{}", escaped(start), escaped(end)) }
    });
    literal("'[", ranges, "]'")
}

fn literal(begin: &str, pieces: impl Iterator<Item = String>, end: &str) -> String {
    let mut text = begin.to_owned();
    let mut width = 0;
    for piece in pieces {
        if width + piece.len() > 110 {
            text.push_str("'\n        '");
            width = 0;
        }
        width += piece.len();
        text.push_str(&piece);
    }
    text + end
}

/// How each character that a decomposed name may have is folded, as the members of a JSON object.
fn folding() -> Vec<String> {
    let mut members = Vec::new();
    for character in characters(&fit()) {
        let text = character.to_string();
        let folded = CaseMapper::new().fold_string(&text);
        if text.nfd().eq(text.chars()) && folded != text {
            let folded: String = folded.chars().map(lettered).collect();
            members.push(format!("\"{}\":\"{folded}\",", lettered(character)));
        }
    }
    if let Some(last) = members.last_mut() {
        last.pop();
    }
    members
}

/// As a part of a JSON text: by its number what stands on others, or is written from right to left.
fn lettered(character: char) -> String {
    match character {
        '\u{345}' | '\u{1E900}'..='\u{1E943}' => character
            .encode_utf16(&mut [0; 2])
            .iter()
            .map(|unit| format!("\\u{unit:04X}"))
            .collect(),
        _ => character.to_string(),
    }
}

/// The part of the migration that follows from Unicode's properties.
fn generated() -> String {
    let unfit = unfit();
    let mut in_username = class(&format!("[^{OF_USERNAMES}]"));
    in_username.difference(&unfit);
    let function = |name: &str, returns: &str, body: &str, comment: &str| {
        format!(
            "create function app.{name}(value text) returns {returns}\nlanguage plpgsql immutable strict parallel safe\n\
             set search_path = pg_catalog, pg_temp\nas $$\nbegin\n{body}end $$;\n\
             comment on function app.{name}(text) is\n    '{comment}';\n\n"
        )
    };
    let mut text = String::new();
    text += &function(
        "is_unfit",
        "boolean",
        &format!("    return value ~\n        {};\n", bracketed(&unfit)),
        "Whether a text has a character that no name has: what is unassigned, a control or a noncharacter, invisible, turns or formats the text around it.",
    );
    text += &function(
        "is_unfit_in_username",
        "boolean",
        &format!("    return value ~\n        {};\n", bracketed(&in_username)),
        "Whether a text has a character that names may have, but usernames may not: all but letters, marks, numbers, `.`, `_` and `-`.",
    );
    text += &function(
        "folded",
        "text",
        &format!(
            "    return (\n        select string_agg(coalesce(\n            {}::jsonb ->> c.character,\n            c.character), '' order by c.ordinality)\n        from unnest(string_to_array(value, null)) with ordinality as c (character, ordinality));\n",
            literal("'{", folding().into_iter(), "}'")
        ),
        "A decomposed text (NFD) after Unicode''s full case folding.",
    );
    text.trim_end().to_owned() + "\n"
}

#[test]
fn what_the_database_knows_of_unicode_is_generated_from_its_properties() {
    let migration = fs::read_to_string(MIGRATION).unwrap();
    let (before, rest) = migration.split_once(BEGIN).unwrap();
    let (inside, after) = rest.split_once(END).unwrap();
    let generated = generated();
    if std::env::var_os("BLESS").is_some() {
        fs::write(MIGRATION, format!("{before}{BEGIN}{generated}{END}{after}")).unwrap();
        return;
    }
    assert!(inside == generated, "the sets are other ones: BLESS=1 cargo test --test schema names");
}

/// What is said of a text: the name that it is, the username that it is, the key of that name.
type Verdict = (Option<String>, Option<String>, Option<String>);

fn said_by_rust(text: &str) -> Verdict {
    let name = Name::parse(text).ok().map(|name| name.as_str().to_owned());
    let username = Username::parse(text).ok().map(|name| name.as_str().to_owned());
    let key = name.is_some().then(|| name::key(text));
    (name, username, key)
}

/// Compares both about all of these texts, in one statement; how many of them are names.
async fn compare(database: &Database, texts: &[String]) -> usize {
    let said: Vec<Verdict> = query_as(
        "with tidied as materialized (
            select g.text, g.ordinality, app.tidy(g.text) as tidy
            from unnest($1::text[]) with ordinality as g (text, ordinality)
        ), named as materialized (select *, app.is_name(tidy) as is_name from tidied)
        select case when is_name then tidy end, case when app.is_username(tidy) then tidy end,
            case when is_name then app.name_key(text) end
        from named order by ordinality",
    )
    .bind(texts)
    .fetch_all(&mut database.connect().await)
    .await
    .unwrap();
    assert_eq!(said.len(), texts.len());
    let differences: Vec<String> = texts
        .iter()
        .zip(&said)
        .map(|(text, said)| (text, said_by_rust(text), said))
        .filter(|(_, ours, said)| ours != *said)
        .map(|(text, ours, said)| format!("{}: Rust {ours:?}, SQL {said:?}", text.escape_unicode()))
        .collect();
    let shown = &differences[..differences.len().min(20)];
    assert!(differences.is_empty(), "{} differ: {shown:#?}", differences.len());
    said.iter().filter(|(name, ..)| name.is_some()).count()
}

#[tokio::test]
async fn rust_and_sql_agree_about_every_character() {
    let database = Database::new().await;
    // Of all there are, which ones no name has.
    let (unfit,): (Vec<i32>,) = query_as(
        "select array_agg(code order by code) from generate_series(1, 1114111) as code
         where code not between 55296 and 57343 and app.is_unfit(chr(code))",
    )
    .fetch_one(&mut database.connect().await)
    .await
    .unwrap();
    let ours = ('\u{1}'..=char::MAX)
        .filter(|character| name::unfit(character.encode_utf8(&mut [0; 4])).is_some());
    assert!(ours.map(|character| u32::from(character) as i32).eq(unfit.iter().copied()));

    // Of the others, what name each is; ideographs, which are most of them, a hundred at once.
    let mut fit = fit();
    fit.difference(&class(r"[\u{F0000}-\u{10FFFF}]"));
    let mut ideographs = class(r"\p{Han}");
    ideographs.intersect(&fit);
    fit.difference(&ideographs);
    let ideographs: Vec<char> = characters(&ideographs).collect();
    let mut texts: Vec<String> = characters(&fit).map(String::from).collect();
    assert!(ideographs.len() > 80_000 && texts.len() > 50_000);
    texts.extend(ideographs.chunks(100).map(|chunk| chunk.iter().collect::<String>()));
    let names = compare(&database, &texts).await;
    // Spaces and dots are none.
    assert!((texts.len() - 30..texts.len()).contains(&names), "{names} names");

    // And of what name it is a part: before, between and behind marks that could move past it or join
    // it, in names of many such parts.
    for pattern in ["e\u{323}@\u{301}", "@\u{5AE}\u{316}\u{345}", "\u{1100}@\u{11A8}"] {
        let parts: Vec<String> = characters(&fit)
            .map(|it| format!("x{}", pattern.replace('@', &it.to_string())))
            .collect();
        let texts: Vec<String> = parts.chunks(30).map(<[String]>::concat).collect();
        assert_eq!(compare(&database, &texts).await, texts.len(), "{pattern}");
    }
}

/// Texts of characters that matter to one of the rules, more often than chance would have it.
fn made_up(random: &mut StdRng) -> String {
    const AWKWARD: &str = "..//%2e%2E--__  \t\u{A0}\u{3000}\u{85}\u{200B}\u{AD}\u{301}\u{323}\u{345}\u{338}\u{897}\u{1E08F}\
        IİıiKkÅſßẞSSﬁΣσςΐǅՙևﬓᏰᏸꭰᎠႠაᲐАаЀ𐐀𐐨가각각्कि\u{FFFE}\u{E000}\u{1FA77}\u{11F41}\u{1611E}𝐀①½";
    let awkward: Vec<char> = AWKWARD.chars().collect();
    let length = random.random_range(0..12);
    (0..length)
        .map(|_| match random.random_range(0..10) {
            0..5 => *awkward.choose(random).unwrap(),
            5..7 => random.random_range('!'..='~'),
            7 => random.random_range('\u{80}'..='\u{2FFF}'),
            8 => random.random_range('\u{300}'..='\u{36F}'),
            _ => random.random_range('\u{1}'..=char::MAX),
        })
        .collect()
}

#[tokio::test]
async fn rust_and_sql_agree_about_texts_that_are_made_up() {
    let database = Database::new().await;
    let mut random = StdRng::seed_from_u64(20_261_128);
    let mut texts: Vec<String> = (0..60_000).map(|_| made_up(&mut random)).collect();
    for edge in [199, 200, 201] {
        texts.extend(["n", "é", "e\u{301}", "\u{1D160}"].map(|piece| piece.repeat(edge)));
        texts.push(format!(" {}\u{2003}", "ü".repeat(edge)));
    }
    let id = "01A20575-84d9-79db-a493-fbb455308177";
    texts.extend([id, &id[..35], "01A20575084d9-79db-a493-fbb455308177"].map(str::to_owned));
    texts.extend(
        ["me", "ME", " Me ", "me.", "%2e", "%2E.", "%2e%2E", "...", "a/..", "../..", "%2e%"]
            .map(str::to_owned),
    );
    let names = compare(&database, &texts).await;
    assert!((5_000..55_000).contains(&names), "{names} of {} are names", texts.len());
}

#[tokio::test]
async fn a_key_is_its_own_key_and_that_of_every_form_of_its_name() {
    let database = Database::new().await;
    let mut random = StdRng::seed_from_u64(32);
    let mut forms = BTreeMap::new();
    while forms.len() < 5_000 {
        if let Ok(name) = Name::parse(&made_up(&mut random)) {
            forms.insert(name.as_str().to_owned(), name::key(name.as_str()));
        }
    }
    let mut pairs = Vec::new();
    for (name, key) in &forms {
        let mut forms = vec![
            key.clone(),
            name.nfd().collect(),
            format!("\u{2003}{name}\n"),
            name.to_lowercase(),
        ];
        // The capital of `ı` is `I`, which is that of another letter; that of a subscript iota is a
        // letter, to which the marks after it would belong.
        if !name.nfd().any(|character| matches!(character, 'ı' | '\u{345}')) {
            forms.push(name.to_uppercase());
        }
        pairs.extend(forms.into_iter().map(|form| (form, key.clone())));
    }
    let (sent, keys): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let other: Vec<(String, String, String)> = query_as(
        "select g.sent, g.key, app.name_key(g.sent) from unnest($1::text[], $2::text[]) as g (sent, key)
         where app.name_key(g.sent) <> g.key collate \"C\" limit 20",
    )
    .bind(&sent)
    .bind(&keys)
    .fetch_all(&mut database.connect().await)
    .await
    .unwrap();
    assert!(other.is_empty(), "{other:#?}");
    assert!(sent.iter().zip(&keys).all(|(form, key)| name::key(form) == *key));
}
