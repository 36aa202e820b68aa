-- The history of what is there: each row as it is, since the history began.
do $$
declare
    it record;
begin
    for it in
        select h.kept, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns
        from app.histories h
        join pg_attribute a on a.attrelid = format('app.%I', h.kept || '_history')::regclass
        where h.kept <> 'withdrawals' and a.attnum > 0 and not a.attisdropped and a.attname not in ('changed_at', 'is_removed')
        group by 1
    loop
        execute format('insert into app.%I (%s, changed_at, is_removed)
            select %2$s, (select min(c.changed_at) from app.changes c), false from public.%3$I',
            it.kept || '_history', it.columns, it.kept);
    end loop;
end $$;
