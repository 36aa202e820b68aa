select app.note_launch($1, $2)
