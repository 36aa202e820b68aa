//! A new migration changes no Rust file; without this line the program would not learn of it.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
