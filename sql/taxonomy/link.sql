-- No row when the block is in the category already.
insert into block_taxonomies (block_id, category_id)
select app.owner_id('block', $2, true), app.live_category($3, true)
where (select app.as_caller($1))
on conflict (block_id, category_id) do nothing
returning block_taxonomy_id, block_id, category_id, created_at
