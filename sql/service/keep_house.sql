-- What falls due with time: the audit trail's partitions of the coming months, and idempotency keys
-- that are older than a day.
select app.create_audit_partitions() as "partitions!", app.forget_idempotency_keys() as "keys!"
