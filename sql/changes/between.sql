-- $2 and $3 the instants; of the last row seen $4 time and $5 id; $6 rows.
select
    c.kept as "table!", c.id as "id!", c.name, c.changed_at as "changed_at!",
    case
        when c.before is null then 'created'
        when c.after is null then 'removed'
        when c.after ->> 'archived_at' is not null and c.before ? 'archived_at' then 'archived'
        when c.before ->> 'archived_at' is not null and c.after ? 'archived_at' then 'restored'
        else 'changed'
    end as "change!: _",
    c.before, c.after
from (select where (select app.as_caller($1))) as caller
cross join lateral app.changes_between($2, $3, $4, $5, $6) as c
