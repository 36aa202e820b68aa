-- Before there is a caller: whoever has the token may.
select app.end_console_session($1)
