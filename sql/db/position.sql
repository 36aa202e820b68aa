-- How far the primary's log is that a replica may have: all that was committed before this is asked.
-- (Without synchronous_commit what was committed is not flushed yet.)
select (case current_setting('synchronous_commit')
            when 'off' then pg_current_wal_insert_lsn()
            else pg_current_wal_flush_lsn()
        end - '0/0')::bigint as "position!"
