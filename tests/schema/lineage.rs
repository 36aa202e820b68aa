//! Lineage and impact are what a plain search finds in graphs that are made up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{Row, query, query_as};
use uuid::Uuid;

use crate::support::{Database, connect};
use crate::world;

const GRAPHS: usize = 1000;
const LINEAGE: &str = include_str!("../../sql/lineage/lineage.sql");
const IMPACT: &str = include_str!("../../sql/lineage/impact.sql");

/// A block, an edge, a pipeline or an alias, by its kind.
type Thing = (&'static str, Uuid);

/// What joins two things: kind, from, to, pipeline, edge, dependency.
type Arc = (&'static str, Thing, Thing, Option<Uuid>, Option<Uuid>, Option<Uuid>);

/// Numbers that are the same each time (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    fn id(&mut self) -> Uuid {
        let high = self.roll(usize::MAX) as u128;
        Uuid::from_u128(high << 64 | self.roll(usize::MAX) as u128)
    }

    fn shuffled<T: Copy>(&mut self, things: &[T]) -> Vec<T> {
        let mut things = things.to_vec();
        for at in (1..things.len()).rev() {
            things.swap(at, self.roll(at + 1));
        }
        things
    }
}

/// What a part of a pipeline follows.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Follows {
    Active,
    Alias,
    First,
}

struct Pipeline {
    id: Uuid,
    archived: bool,
    blocks: Vec<(Uuid, Follows)>,
    /// Edge, source, target.
    edges: Vec<(Uuid, Uuid, Uuid, Follows)>,
}

struct Graph {
    /// Blocks and edges, with the number of their active version.
    versioned: BTreeMap<Uuid, (&'static str, i32)>,
    /// The alias champion, of some: its id, the number of the version.
    aliases: BTreeMap<Uuid, (Uuid, i32)>,
    pipelines: Vec<Pipeline>,
    /// Id, what depends, on what, on which versions.
    dependencies: Vec<(Uuid, Uuid, Uuid, Option<&'static str>)>,
}

impl Graph {
    fn made_up(dice: &mut Dice) -> Self {
        let blocks: Vec<Uuid> = (0..2 + dice.roll(13)).map(|_| dice.id()).collect();
        let edges: Vec<Uuid> = (0..1 + dice.roll(5)).map(|_| dice.id()).collect();
        let all: Vec<Thing> = blocks
            .iter()
            .map(|id| ("block", *id))
            .chain(edges.iter().map(|id| ("edge", *id)))
            .collect();
        let versioned: BTreeMap<_, _> =
            all.iter().map(|(kind, id)| (*id, (*kind, 1 + i32::from(dice.roll(2) == 0)))).collect();
        let mut aliases = BTreeMap::new();
        for (id, (_, number)) in &versioned {
            if dice.roll(3) == 0 {
                let number = 1 + i32::try_from(dice.roll(*number as usize)).unwrap();
                aliases.insert(*id, (dice.id(), number));
            }
        }
        let follows = |dice: &mut Dice, id: &Uuid| match dice.roll(3) {
            0 => Follows::First,
            1 if aliases.contains_key(id) => Follows::Alias,
            _ => Follows::Active,
        };
        let mut pipelines = Vec::new();
        for _ in 0..dice.roll(5) {
            // Each in an order of its own: together they make circles.
            let order = dice.shuffled(&blocks);
            let order = &order[..1 + dice.roll(blocks.len())];
            let mut joins = BTreeMap::new();
            for _ in 0..dice.roll(2 * order.len()) {
                let (one, other) = (dice.roll(order.len()), dice.roll(order.len()));
                let edge = edges[dice.roll(edges.len())];
                if one < other {
                    joins.insert((edge, order[one], order[other]), follows(dice, &edge));
                }
            }
            pipelines.push(Pipeline {
                id: dice.id(),
                archived: dice.roll(5) == 0,
                blocks: order.iter().map(|id| (*id, follows(dice, id))).collect(),
                edges: joins.into_iter().map(|((e, s, t), follows)| (e, s, t, follows)).collect(),
            });
        }
        let order = dice.shuffled(&all);
        let mut needs = BTreeMap::new();
        for _ in 0..dice.roll(all.len()) {
            let (one, other) = (dice.roll(order.len()), dice.roll(order.len()));
            if one < other {
                let constraint = [None, Some("*"), Some(">=2"), Some("<2, !=7"), Some("@champion")];
                needs.insert((order[other].1, order[one].1), constraint[dice.roll(5)]);
            }
        }
        let dependencies =
            needs.into_iter().map(|((who, on), versions)| (dice.id(), who, on, versions)).collect();
        Self { versioned, aliases, pipelines, dependencies }
    }

    fn thing(&self, id: Uuid) -> Thing {
        (self.versioned[&id].0, id)
    }

    /// The version that a part takes.
    fn taken(&self, id: Uuid, follows: Follows) -> i32 {
        match follows {
            Follows::Active => self.versioned[&id].1,
            Follows::Alias => self.aliases[&id].1,
            Follows::First => 1,
        }
    }

    /// All arcs; `version` leaves out those away from the root that rest on another version of it.
    fn arcs(&self, root: Thing, archived: bool, input: bool, version: Option<i32>) -> Vec<Arc> {
        let mut arcs: Vec<Arc> = Vec::new();
        let takes = |id: Uuid, follows: Follows| {
            id != root.1 || version.is_none_or(|number| self.taken(id, follows) == number)
        };
        for pipeline in self.pipelines.iter().filter(|pipeline| archived || !pipeline.archived) {
            let (id, to) = (Some(pipeline.id), ("pipeline", pipeline.id));
            for (block, follows) in &pipeline.blocks {
                if takes(*block, *follows) {
                    arcs.push(("member", ("block", *block), to, id, None, None));
                }
            }
            for (edge, source, target, follows) in &pipeline.edges {
                let (e, s, t) = (("edge", *edge), ("block", *source), ("block", *target));
                let source_follows = pipeline.blocks.iter().find(|(id, _)| id == source).unwrap().1;
                if takes(*source, source_follows) {
                    arcs.push(("pipeline_edge", s, t, id, Some(*edge), None));
                }
                if takes(*edge, *follows) {
                    arcs.push(("output", e, t, id, Some(*edge), None));
                    arcs.push(("member", e, to, id, None, None));
                }
                if input && e == root {
                    arcs.push(("input", s, e, id, Some(*edge), None));
                }
            }
        }
        for (id, who, on, versions) in &self.dependencies {
            let admits = |number: i32| match *versions {
                Some(">=2") => number >= 2,
                Some("<2, !=7") => number < 2,
                Some("@champion") => self.aliases.get(on).is_some_and(|(_, at)| *at == number),
                _ => true,
            };
            if *on != root.1 || version.is_none_or(admits) {
                let (on, who) = (self.thing(*on), self.thing(*who));
                arcs.push(("dependency", on, who, None, None, Some(*id)));
            }
        }
        arcs
    }

    async fn write(graphs: &[Self], owner: &mut PgConnection) {
        let rows = |rows: Vec<Value>| Value::from(rows);
        let versioned = |kind: &str| {
            let things = graphs.iter().flat_map(|graph| &graph.versioned);
            rows(
                things
                    .filter(|(_, (its, _))| *its == kind)
                    .map(|(id, (_, number))| json!({ "id": id, "number": number }))
                    .collect(),
            )
        };
        let blocks = versioned("block");
        let edges = versioned("edge");
        let aliases = rows(
            graphs
                .iter()
                .flat_map(|graph| graph.aliases.iter().map(|(of, alias)| (graph.thing(*of), alias)))
                .map(|((kind, of), (id, number))| json!({ "kind": kind, "of": of, "id": id, "number": number }))
                .collect(),
        );
        let mut pipelines = Vec::new();
        let (mut with_blocks, mut with_edges) = (Vec::new(), Vec::new());
        for pipeline in graphs.iter().flat_map(|graph| &graph.pipelines) {
            let id = pipeline.id;
            pipelines.push(json!({ "id": id, "archived": pipeline.archived }));
            for (block, follows) in &pipeline.blocks {
                with_blocks.push(
                    json!({ "pipeline": id, "block": block, "follows": format!("{follows:?}") }),
                );
            }
            for (edge, source, target, follows) in &pipeline.edges {
                with_edges.push(json!({ "pipeline": id, "edge": edge, "source": source, "target": target, "follows": format!("{follows:?}") }));
            }
        }
        let needs = rows(
            graphs
                .iter()
                .flat_map(|graph| graph.dependencies.iter().map(move |it| (graph, it)))
                .map(|(graph, (id, who, on, versions))| {
                    let (who, on) = (graph.thing(*who), graph.thing(*on));
                    json!({ "id": id, "kind": who.0, "who": who.1, "on_kind": on.0, "on": on.1, "versions": versions })
                })
                .collect(),
        );
        for (statement, rows) in [
            ("insert into blocks (block_id, name, block_type) select id, 'n ' || id, 'dataset' from jsonb_to_recordset($1) as r (id uuid)", &blocks),
            ("update blocks b set metadata = '{\"a\": 2}' from jsonb_to_recordset($1) as r (id uuid, number int) where r.id = b.block_id and number = 2", &blocks),
            ("insert into edges (edge_id, name) select id, 'n ' || id from jsonb_to_recordset($1) as r (id uuid)", &edges),
            ("update edges e set metadata = '{\"a\": 2}' from jsonb_to_recordset($1) as r (id uuid, number int) where r.id = e.edge_id and number = 2", &edges),
            ("insert into aliases (alias_id, entity_type, entity_id, alias, version_id)
              select id, kind::entity_type, \"of\", 'champion', coalesce(
                  (select version_id from block_versions where block_id = \"of\" and version_number = number),
                  (select version_id from edge_versions where edge_id = \"of\" and version_number = number))
              from jsonb_to_recordset($1) as r (id uuid, kind text, \"of\" uuid, number int)", &aliases),
            ("insert into pipelines (pipeline_id, name) select id, 'n ' || id from jsonb_to_recordset($1) as r (id uuid)", &Value::from(pipelines.clone())),
            ("insert into pipeline_blocks (pipeline_id, block_id, block_version_id, block_alias)
              select pipeline, block, case follows when 'First' then version_id end, case follows when 'Alias' then 'champion' end
              from jsonb_to_recordset($1) as r (pipeline uuid, block uuid, follows text)
              join block_versions on block_id = block and version_number = 1", &Value::from(with_blocks)),
            ("insert into pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id, edge_version_id, edge_alias)
              select pipeline, edge, source, target, case follows when 'First' then version_id end, case follows when 'Alias' then 'champion' end
              from jsonb_to_recordset($1) as r (pipeline uuid, edge uuid, source uuid, target uuid, follows text)
              join edge_versions on edge_id = edge and version_number = 1", &Value::from(with_edges)),
            ("insert into dependencies (dependency_id, entity_type, entity_id, dependency_type, depends_on_type, depends_on_id, version_constraint)
              select id, kind::entity_type, who, 'internal', on_kind::entity_type, \"on\", versions
              from jsonb_to_recordset($1) as r (id uuid, kind text, who uuid, on_kind text, \"on\" uuid, versions text)", &needs),
            ("update pipelines p set archived_at = now() from jsonb_to_recordset($1) as r (id uuid, archived boolean) where r.id = p.pipeline_id and archived", &Value::from(pipelines)),
        ] {
            query(statement).bind(rows).execute(&mut *owner).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }
}

/// Everything that is reached from the root, with its distance.
fn search(
    root: Thing,
    depth: i32,
    next: impl Fn(Thing, i32) -> Vec<Thing>,
) -> BTreeMap<Thing, i32> {
    let mut reached = BTreeMap::from([(root, 0)]);
    let mut queue = VecDeque::from([root]);
    while let Some(thing) = queue.pop_front() {
        let distance = reached[&thing];
        if distance == depth {
            continue;
        }
        for other in next(thing, distance) {
            reached.entry(other).or_insert_with(|| {
                queue.push_back(other);
                distance + 1
            });
        }
    }
    reached.remove(&root);
    reached
}

fn kind(name: &Value) -> &'static str {
    ["block", "edge", "pipeline", "alias"].into_iter().find(|kind| name == kind).unwrap()
}

fn id(value: &Value) -> Uuid {
    value.as_str().unwrap().parse().unwrap()
}

fn maybe(value: &Value) -> Option<Uuid> {
    value.as_str().map(|text| text.parse().unwrap())
}

/// Nodes (direction, thing, distance) and arcs, page by page.
async fn lineage(
    service: &mut PgConnection,
    caller: &Value,
    root: Thing,
    direction: &str,
    depth: i32,
    archived: bool,
    limit: i64,
) -> (BTreeMap<(String, Thing), i32>, BTreeSet<Arc>) {
    let (mut nodes, mut arcs) = (BTreeMap::new(), BTreeSet::new());
    let mut seen: Option<(i32, String, Uuid)> = None;
    loop {
        let row = query(LINEAGE)
            .bind(caller)
            .bind(root.0)
            .bind(root.1.to_string())
            .bind(direction)
            .bind(depth)
            .bind(archived)
            .bind(seen.as_ref().map(|seen| seen.0))
            .bind(seen.as_ref().map(|seen| seen.1.clone()))
            .bind(seen.as_ref().map(|seen| seen.2))
            .bind(limit)
            .fetch_one(&mut *service)
            .await
            .unwrap();
        let page: Vec<Value> = serde_json::from_value(row.get(0)).unwrap();
        let edges: Vec<Value> = serde_json::from_value(row.get(1)).unwrap();
        assert_eq!(page[0]["entity_id"], json!(root.1), "the root comes first");
        for node in &page[1..] {
            let thing = (kind(&node["entity_type"]), id(&node["entity_id"]));
            let distance = i32::try_from(node["distance"].as_i64().unwrap()).unwrap();
            let way = node["direction"].as_str().unwrap().to_owned();
            assert!(nodes.insert((way.clone(), thing), distance).is_none(), "once");
            assert!(node["name"].is_string());
            seen = Some((distance, way, thing.1));
        }
        for edge in edges {
            let name = edge["kind"].as_str().unwrap();
            let name = ["pipeline_edge", "input", "output", "dependency", "member"]
                .into_iter()
                .find(|known| *known == name)
                .unwrap();
            let source = (kind(&edge["source_type"]), id(&edge["source_id"]));
            let target = (kind(&edge["target_type"]), id(&edge["target_id"]));
            let pipelines = edge["pipelines"].as_array().unwrap();
            assert_eq!(edge["pipeline_count"], json!(pipelines.len()));
            let pipelines: Vec<_> = match name {
                "member" => vec![Some(target.1)],
                "dependency" => vec![None],
                _ => pipelines.iter().map(|pipeline| maybe(&pipeline["pipeline_id"])).collect(),
            };
            for pipeline in pipelines {
                let arc = (
                    name,
                    source,
                    target,
                    pipeline,
                    maybe(&edge["edge_id"]),
                    maybe(&edge["dependency_id"]),
                );
                assert!(arcs.insert(arc), "{arc:?} comes once");
            }
        }
        if !row.get::<bool, _>(2) {
            return (nodes, arcs);
        }
        assert_eq!(page.len() as i64 - 1, limit, "a page is full");
    }
}

async fn impact(
    service: &mut PgConnection,
    caller: &Value,
    root: Thing,
    depth: i32,
    version: Option<i32>,
    limit: i64,
) -> Vec<(Thing, i32, String, Vec<Thing>)> {
    let mut reached = Vec::new();
    loop {
        let seen: Option<&(Thing, i32, String, Vec<Thing>)> = reached.last();
        let rows = query(IMPACT)
            .bind(caller)
            .bind(root.0)
            .bind(root.1.to_string())
            .bind(depth)
            .bind(version.map(|number| number.to_string()))
            .bind(seen.map(|seen| seen.1))
            .bind(seen.map(|seen| seen.0.1))
            .bind(limit)
            .fetch_all(&mut *service)
            .await
            .unwrap();
        let is_last = (rows.len() as i64) < limit;
        for row in rows {
            let thing = (kind(&json!(row.get::<String, _>("entity_type!"))), row.get("entity_id!"));
            let path: Vec<Value> = serde_json::from_value(row.get("path!")).unwrap();
            assert!(path.iter().all(|step| step["name"].is_string()));
            let path = path
                .iter()
                .map(|step| (kind(&step["entity_type"]), id(&step["entity_id"])))
                .collect();
            let _: String = row.get("detail!");
            reached.push((thing, row.get("distance!"), row.get("code!"), path));
        }
        if is_last {
            return reached;
        }
    }
}

/// What the lineage of a thing is by the plain search.
fn expected_lineage(
    graph: &Graph,
    root: Thing,
    direction: &str,
    depth: i32,
    archived: bool,
) -> (BTreeMap<(String, Thing), i32>, BTreeSet<Arc>) {
    let arcs = graph.arcs(root, archived, true, None);
    let mut nodes = BTreeMap::new();
    for way in ["up", "down"].into_iter().filter(|way| direction == *way || direction == "both") {
        let reached = search(root, depth, |thing, _| {
            let down = arcs.iter().filter(|arc| arc.1 == thing).map(|arc| arc.2);
            let up = arcs.iter().filter(|arc| arc.2 == thing).map(|arc| arc.1);
            if way == "down" { down.collect() } else { up.collect() }
        });
        nodes.extend(reached.into_iter().map(|(thing, at)| ((way.to_owned(), thing), at)));
    }
    let known: BTreeSet<Thing> = nodes.keys().map(|(_, thing)| *thing).chain([root]).collect();
    let arcs = arcs.into_iter().filter(|arc| known.contains(&arc.1) && known.contains(&arc.2));
    (nodes, arcs.collect())
}

#[tokio::test]
async fn lineage_and_impact_are_what_a_plain_search_finds() {
    let database = Database::new().await;
    let mut owner = world::create(&database).await;
    let developer = world::person(&mut owner, "dan", "developer").await;
    let admin = world::person(&mut owner, "ada", "admin").await;
    let callers = [json!({ "sub": developer }), json!({ "sub": admin })];
    let mut dice = Dice(12);
    let graphs: Vec<Graph> = (0..GRAPHS).map(|_| Graph::made_up(&mut dice)).collect();
    Graph::write(&graphs, &mut owner).await;
    query("analyze").execute(&mut owner).await.unwrap();
    let mut service = connect(&database.service()).await;
    let (mut longest, mut most, mut circles) = (0, 0, 0);
    for (nth, graph) in graphs.iter().enumerate() {
        let things: Vec<Thing> = graph
            .versioned
            .keys()
            .map(|id| graph.thing(*id))
            .chain(graph.pipelines.iter().filter(|it| !it.archived).map(|it| ("pipeline", it.id)))
            .collect();
        let root = things[dice.roll(things.len())];
        let direction = ["up", "down", "both"][dice.roll(3)];
        let depth = [0, 1, 2, 3, 5, 1000][dice.roll(6)];
        let limit = 1 + dice.roll(12) as i64;
        // Whoever sees what is archived goes through it when they ask for it, others do not.
        let (is_admin, asks) = (dice.roll(2) == 1, dice.roll(2) == 1);
        let caller = &callers[usize::from(is_admin)];
        let told = lineage(&mut service, caller, root, direction, depth, asks, limit).await;
        let expected = expected_lineage(graph, root, direction, depth, is_admin && asks);
        assert_eq!(
            told, expected,
            "graph {nth}: {direction} from {root:?}, depth {depth}, archived {asks}"
        );
        most = most.max(told.0.len());
        circles +=
            usize::from(told.0.keys().any(|(way, thing)| {
                way == "up" && told.0.contains_key(&("down".to_owned(), *thing))
            }));

        let version = (root.0 != "pipeline" && dice.roll(2) == 0)
            .then(|| 1 + i32::try_from(dice.roll(graph.versioned[&root.1].1 as usize)).unwrap());
        let told = impact(&mut service, caller, root, depth, version, limit).await;
        let whole = graph.arcs(root, false, false, None);
        let narrowed = graph.arcs(root, false, false, version);
        let alias = graph.aliases.get(&root.1).filter(|(_, at)| version.is_none_or(|it| it == *at));
        let next = |thing: Thing, distance: i32| {
            let arcs = if distance == 0 { &narrowed } else { &whole };
            let mut next: Vec<Thing> =
                arcs.iter().filter(|arc| arc.1 == thing).map(|arc| arc.2).collect();
            next.extend(alias.filter(|_| distance == 0).map(|(id, _)| ("alias", *id)));
            next
        };
        let expected = search(root, depth, next);
        let found: BTreeMap<Thing, i32> = told.iter().map(|it| (it.0, it.1)).collect();
        assert_eq!(
            found, expected,
            "graph {nth}: from {root:?} in version {version:?}, depth {depth}"
        );
        assert_eq!(found.len(), told.len(), "each once");
        assert!(told.is_sorted_by_key(|it| (it.1, it.0.1)), "the nearest first");
        for (thing, distance, code, path) in &told {
            assert_eq!((path[0], path[path.len() - 1]), (root, *thing));
            assert_eq!(path.len(), usize::try_from(*distance).unwrap() + 1, "no way is shorter");
            for (at, step) in path.windows(2).enumerate() {
                assert!(next(step[0], i32::try_from(at).unwrap()).contains(&step[1]), "{step:?}");
            }
            if let (("pipeline", id), 1) = (thing, distance) {
                let pipeline = graph.pipelines.iter().find(|it| it.id == *id).unwrap();
                let follows = pipeline
                    .blocks
                    .iter()
                    .map(|(id, follows)| (*id, *follows))
                    .chain(pipeline.edges.iter().map(|(id, _, _, follows)| (*id, *follows)))
                    .filter(|(id, follows)| {
                        *id == root.1 && version.is_none_or(|it| graph.taken(*id, *follows) == it)
                    })
                    .map(|(_, follows)| follows)
                    .min_by_key(|follows| *follows as u8)
                    .unwrap();
                let expected = match follows {
                    Follows::Active => "follows_active",
                    Follows::Alias => "follows_alias",
                    Follows::First => "pinned",
                };
                assert_eq!(code, expected, "graph {nth}: {thing:?} from {root:?}");
            }
            longest = longest.max(*distance);
        }
    }
    assert!(longest >= 5 && most >= 15 && circles >= 10, "too easy: {longest} {most} {circles}");
}

#[tokio::test]
async fn a_constraint_is_read_alike_by_every_client() {
    let database = Database::new().await;
    let mut owner = database.connect().await;
    for (text, will_do) in [
        ("*", true),
        ("=3", true),
        ("!=4", true),
        (">=2,<5", true),
        (">= 2 , < 5", true),
        ("<=1", true),
        (">1", true),
        ("@champion", true),
        ("=999999999", true),
        ("", false),
        ("3", false),
        ("=0", false),
        ("=03", false),
        ("==3", false),
        ("=>3", false),
        (">=2.4", false),
        (">=2,", false),
        (",>=2", false),
        (">=2 <5", false),
        ("*,>=2", false),
        ("@", false),
        ("@latest", false),
        ("@active", false),
        ("@v2", false),
        ("@Champion", false),
        ("@champion,>=2", false),
        ("=1000000000", false),
        ("^2", false),
        ("~> 2", false),
        (">=2\n", false),
        ("≥2", false),
    ] {
        let (found,): (bool,) = query_as("select app.is_version_constraint($1)")
            .bind(text)
            .fetch_one(&mut owner)
            .await
            .unwrap();
        assert_eq!(found, will_do, "{text:?}");
    }
}
