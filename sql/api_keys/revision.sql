-- Why a change met no row: there is none, its revision is another, its time is over, or the caller
-- may not.
select updated_at, is_active and (expires_at is null or expires_at > clock_timestamp()) as "is_usable!"
from api_keys
where (select app.as_caller($1))
  and api_key_id = $2
