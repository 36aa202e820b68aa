//! A private PostgreSQL shaped like a Supabase project.
