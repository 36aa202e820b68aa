-- Whether this server still is a replica, and how far.
select pg_is_in_recovery() as "is_replica!",
       coalesce(pg_last_wal_replay_lsn() - '0/0', 0)::bigint as "position!"
