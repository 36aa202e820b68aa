-- Says in the trail, where it records reads, that somebody asked.
select true as "asked!" where (select app.as_caller($1))
