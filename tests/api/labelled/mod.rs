//! 300 short descriptions and 60 questions, and how many of the answers words, vectors and both together find among
//! the first ten. 50 questions are in other words than the five descriptions that answer them; ten are a code that
//! stands in one.
//!
//! `texts.txt` has a question and five descriptions after one another; `vectors.bin` their embeddings by
//! all-MiniLM-L6-v2, 384 numbers in eight bits each.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::service::{Person, Service};

const TEXTS: &str = include_str!("texts.txt");
const VECTORS: &[u8] = include_bytes!("vectors.bin");
const DIMENSIONS: usize = 384;
const ANSWERS: usize = 5;

fn vector(text: usize) -> Vec<f32> {
    VECTORS[text * DIMENSIONS..][..DIMENSIONS]
        .iter()
        .map(|byte| f32::from(byte.cast_signed()) / 400.0)
        .collect()
}

/// The blocks `question.answer`, each with its description and its embedding.
async fn registry(service: &Service) {
    let mut owner = service.database.connect().await;
    let dimensions = i32::try_from(DIMENSIONS).expect("a number");
    sqlx::query("insert into embedding_models (name, dimensions) values ('minilm', $1)")
        .bind(dimensions)
        .execute(&mut owner)
        .await
        .expect("a model");
    for (place, text) in TEXTS.lines().enumerate().filter(|(place, _)| place % (ANSWERS + 1) != 0) {
        let name = format!("{}.{}", place / (ANSWERS + 1), place % (ANSWERS + 1));
        sqlx::query(
            "with made as (insert into blocks (name, block_type, description) values ($1, 'model', $2) returning block_id)
             select block_id from made",
        )
        .bind(&name)
        .bind(text)
        .execute(&mut owner)
        .await
        .expect("a block");
        sqlx::query(
            "insert into embeddings (entity_type, entity_id, model_id, vector)
             select 'block', b.block_id, m.model_id, $2 from blocks b, embedding_models m where b.name = $1",
        )
        .bind(&name)
        .bind(vector(place))
        .execute(&mut owner)
        .await
        .expect("an embedding");
    }
}

/// Recall and nDCG among the first ten, over all questions.
async fn measured(person: &Person<'_>, body: impl Fn(usize, &str) -> Value) -> (f64, f64) {
    let (mut recall, mut gain, mut questions) = (0.0, 0.0, 0.0);
    for (question, text) in TEXTS.lines().step_by(ANSWERS + 1).enumerate() {
        let texts = TEXTS.lines().skip(question * (ANSWERS + 1) + 1).take(ANSWERS);
        let has_code = text.starts_with("DS-");
        let answers: Vec<String> = texts
            .zip(1..)
            .filter(|(answer, _)| !has_code || answer.contains(text))
            .map(|(_, place)| format!("{question}.{place}"))
            .collect();
        let answer = person
            .post("/search", body(question * (ANSWERS + 1), text))
            .await
            .expect(StatusCode::OK);
        let right: Vec<bool> = answer.body["hits"]
            .as_array()
            .expect("hits")
            .iter()
            .take(10)
            .map(|hit| answers.contains(&hit["name"].as_str().expect("a name").to_owned()))
            .collect();
        let discount = |place: usize| 1.0 / (place as f64 + 2.0).log2();
        let best: f64 = (0..answers.len()).map(discount).sum();
        recall += right.iter().filter(|right| **right).count() as f64 / answers.len() as f64;
        gain += right
            .iter()
            .enumerate()
            .filter(|(_, right)| **right)
            .map(|(place, _)| discount(place))
            .sum::<f64>()
            / best;
        questions += 1.0;
    }
    (recall / questions, gain / questions)
}

#[tokio::test]
async fn both_together_find_at_least_what_the_better_one_finds() {
    let service = Service::start().await;
    registry(&service).await;
    let vera = service.viewer().await;
    let near = |text| json!({ "model": "minilm", "values": vector(text) });
    let words = measured(&vera, |_, text| json!({ "text": text, "limit": 10 })).await;
    let vectors = measured(&vera, |at, _| json!({ "vector": near(at), "limit": 10 })).await;
    let both =
        measured(&vera, |at, text| json!({ "text": text, "vector": near(at), "limit": 10 })).await;
    println!(
        "recall@10 and nDCG@10 of words {words:.3?}, of vectors {vectors:.3?}, of both {both:.3?}"
    );
    assert!(vectors.0 > 0.7 && vectors.1 > 0.6, "{vectors:?}");
    assert!(
        both.0 > words.0.max(vectors.0) - 1e-9 && both.1 > words.1.max(vectors.1) - 1e-9,
        "{words:?} {vectors:?} {both:?}"
    );
}
