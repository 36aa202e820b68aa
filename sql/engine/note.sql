select app.note_engine($1)
