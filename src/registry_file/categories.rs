//! The categories that are there, where a file leaves them, and in which order they get there. Everything
//! else is told in the paths that they have afterwards, so that one that moves changes nothing else.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use super::given::{Content, Given};
use super::queries::CategoryRow;
use crate::api::name;
use crate::api::problem::{Fault, Problem};

/// All categories.
#[derive(Debug)]
pub(super) struct Categories {
    pub rows: Vec<CategoryRow>,
    /// Their paths once the file is applied.
    afterwards: HashMap<Uuid, String>,
    /// Those that get another name or another place.
    moved: HashSet<Uuid>,
    /// The places in the file of those that are made or moved, in an order in which each place is free and
    /// what is above it is there by then.
    pub order: Vec<usize>,
}

impl Categories {
    /// # Errors
    /// 422 when two of them come to one path, or when they go round in a circle.
    pub fn of(rows: Vec<CategoryRow>, items: &[Given]) -> Result<Self, Problem> {
        let moves = moves(&rows, items);
        let afterwards = afterwards(&rows, items, &moves);
        let mut by_path: HashMap<String, Uuid> = HashMap::new();
        for row in &rows {
            let key = key(&afterwards[&row.id]);
            if by_path.insert(key.clone(), row.id).is_some() {
                let two = moves.keys().filter(|place| items[**place].key() == key);
                return Err(refused(two.copied(), items, "There is a category at that path."));
            }
        }
        let order = order(&rows, items, &moves, &afterwards, &by_path)?;
        let moved = moves.values().map(|row| rows[*row].id).collect();
        Ok(Self { rows, afterwards, moved, order })
    }

    /// Where a category is once the file is applied.
    pub fn path(&self, id: Uuid) -> Option<&str> {
        self.afterwards.get(&id).map(String::as_str)
    }

    /// Whether the file itself moves it (and not one above it).
    pub fn is_moved(&self, id: Uuid) -> bool {
        self.moved.contains(&id)
    }
}

/// What two paths have in common when they are the same.
pub(super) fn key(path: &str) -> String {
    path.split('/').map(name::key).collect::<Vec<_>>().join("/")
}

/// The rows that are moved, by the places of the items that say so.
fn moves(rows: &[CategoryRow], items: &[Given]) -> BTreeMap<usize, usize> {
    let by_path: HashMap<String, usize> =
        rows.iter().enumerate().map(|(at, row)| (key(&row.path), at)).collect();
    let mut moves = BTreeMap::new();
    for (place, item) in items.iter().enumerate() {
        if let (Content::Category(_), Some(former)) = (&item.content, item.former_key())
            && former != item.key()
            && let Some(row) = by_path.get(&former)
        {
            moves.insert(place, *row);
        }
    }
    // What is at its place already was moved before, unless that goes elsewhere in turn.
    loop {
        let before = moves.len();
        let left: Vec<String> = moves.values().map(|row| key(&rows[*row].path)).collect();
        let is_left = |path: &String| {
            left.iter().any(|left| {
                path.strip_prefix(left.as_str())
                    .is_some_and(|below| below.is_empty() || below.starts_with('/'))
            })
        };
        moves.retain(|place, _| {
            let path = items[*place].key();
            !by_path.contains_key(&path) || is_left(&path)
        });
        if moves.len() == before {
            return moves;
        }
    }
}

fn above(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(above, _)| above)
}

/// The paths of all rows once they are moved.
fn afterwards(
    rows: &[CategoryRow],
    items: &[Given],
    moves: &BTreeMap<usize, usize>,
) -> HashMap<Uuid, String> {
    let given: HashMap<usize, usize> = moves.iter().map(|(place, row)| (*row, *place)).collect();
    let mut by_depth: Vec<usize> = (0..rows.len()).collect();
    by_depth.sort_by_key(|row| rows[*row].path.matches('/').count());
    let mut now: HashMap<&str, String> = HashMap::new();
    let mut afterwards = HashMap::new();
    for row in by_depth {
        let CategoryRow { id, path, .. } = &rows[row];
        let then = match given.get(&row) {
            Some(place) => items[*place].name(),
            None => beside(path, &now),
        };
        now.insert(path, then.clone());
        afterwards.insert(*id, then);
    }
    afterwards
}

/// The path that a row has when only what is above it moves.
fn beside(path: &str, afterwards: &HashMap<&str, String>) -> String {
    match path.rsplit_once('/').map(|(above, step)| (afterwards.get(above), step)) {
        Some((Some(above), step)) => format!("{above}/{step}"),
        _ => path.to_owned(),
    }
}

fn order(
    rows: &[CategoryRow],
    items: &[Given],
    moves: &BTreeMap<usize, usize>,
    afterwards: &HashMap<Uuid, String>,
    by_path: &HashMap<String, Uuid>,
) -> Result<Vec<usize>, Problem> {
    let now: HashMap<&str, String> =
        rows.iter().map(|row| (row.path.as_str(), afterwards[&row.id].clone())).collect();
    // Where those stand that are not moved yet.
    let mut standing: HashMap<String, usize> =
        moves.iter().map(|(place, row)| (key(&beside(&rows[*row].path, &now)), *place)).collect();
    let mut waiting: Vec<(usize, String)> = items
        .iter()
        .enumerate()
        .filter(|(_, item)| matches!(item.content, Content::Category(_)))
        .map(|(place, item)| (place, item.key()))
        .filter(|(place, key)| moves.contains_key(place) || !by_path.contains_key(key))
        .collect();
    waiting.sort_by_key(|(_, key)| key.matches('/').count());
    let mut coming: HashSet<String> = waiting.iter().map(|(_, key)| key.clone()).collect();
    let mut order = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let next = waiting.iter().position(|(place, key)| {
            above(key).is_none_or(|above| !coming.contains(above))
                && standing.get(key).is_none_or(|there| there == place)
        });
        let Some(next) = next else {
            let circle = waiting.iter().map(|(place, _)| *place);
            let words = "The categories go round in a circle: move them in two steps.";
            return Err(refused(circle, items, words));
        };
        let (place, key) = waiting.remove(next);
        coming.remove(&key);
        standing.retain(|_, there| *there != place);
        order.push(place);
    }
    Ok(order)
}

fn refused(places: impl Iterator<Item = usize>, items: &[Given], words: &str) -> Problem {
    let fault =
        |place: usize| Fault { pointer: items[place].pointer.clone(), detail: words.to_owned() };
    Problem::faults(places.map(fault).collect())
}
