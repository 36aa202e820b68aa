-- By the owner of the database: gives the vectors of a model (id or name) their index, and says how it is called.
select app.index_vectors(app.model_id($1))::text as "index!"
