-- What falls due with time: the audit trail's partitions of the coming months, idempotency keys that are
-- older than a day, counts of logins whose window is over; and how many audit rows are in no month's
-- partition even then.
select app.create_audit_partitions() as "partitions!", app.forget_idempotency_keys() as "keys!",
    app.forget_login_attempts() as "attempts!", app.count_unpartitioned_audit_rows() as "unpartitioned!"
