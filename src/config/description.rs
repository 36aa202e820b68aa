//! The variables as `--help`, `.env.example` and the README show them.

use std::fmt::Write;

use super::setting::{Group, Setting};
use super::settings::SETTINGS;

/// The end of `blockyard --help`.
pub fn help() -> String {
    let mut text = String::from("Environment, also read from the file .env:\n");
    each(|group, setting, first| {
        if first {
            let _ = write!(text, "\n  {}\n", group.title);
        }
        let default = match setting.default {
            "" => String::new(),
            default => format!(" [default: {default}]"),
        };
        let _ = writeln!(text, "    {}", setting.name);
        for line in [format!("{}{default}", setting.meaning), setting.rule()] {
            wrap(&mut text, &line);
        }
    });
    text
}

/// Below the name of a variable, in lines that a terminal of 80 columns shows as they are.
fn wrap(text: &mut String, words: &str) {
    const INDENT: &str = "        ";
    let mut width = usize::MAX / 2;
    for word in words.split(' ') {
        let length = word.chars().count();
        if width + 1 + length > 79 {
            text.push_str(if width > 79 { INDENT } else { "\n        " });
            width = INDENT.len();
        } else {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += length;
    }
    text.push('\n');
}

/// The file `.env.example`.
pub fn env_example() -> String {
    let mut text = String::from(
        "# Copy this to .env and take the # from the lines that shall be different.\n\
         # The environment wins over .env; an empty value counts as not set.\n",
    );
    each(|group, setting, first| {
        if first {
            let _ = write!(text, "\n# {}\n", group.title);
        }
        let _ = write!(
            text,
            "\n# {}\n# {}\n# {}={}\n",
            setting.meaning,
            setting.rule(),
            setting.name,
            setting.default
        );
    });
    text
}

/// The table of the README.
pub fn markdown() -> String {
    let mut text = String::from("| variable | default | meaning |\n|---|---|---|\n");
    each(|group, setting, first| {
        if first {
            let _ = writeln!(text, "| **{}** | | |", group.title);
        }
        let default = match setting.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        let _ = writeln!(
            text,
            "| `{}` | {default} | {} {} |",
            setting.name,
            setting.meaning,
            setting.rule()
        );
    });
    text
}

fn each(mut show: impl FnMut(&Group, &Setting, bool)) {
    for group in SETTINGS {
        for (index, setting) in group.settings.iter().enumerate() {
            show(group, setting, index == 0);
        }
    }
}
