with removed as (
    delete from block_taxonomies
    where (select app.as_caller($1))
      and (select app.owner_id('block', $2, true)) is not null
      and (select app.live_category($3, true)) is not null
      and block_id = (select app.owner_id('block', $2, true))
      and category_id = (select app.live_category($3, true))
)
select app.can_write() as "allowed!"
where (select app.as_caller($1))
