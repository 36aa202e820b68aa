-- The indexes that prepare.sql dropped.
do $$
declare
    index record;
begin
    for index in select i.definition from bench.indexes i order by i.name loop
        execute index.definition;
    end loop;
end $$;
