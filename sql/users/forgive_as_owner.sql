-- By the owner of the database: what was guessed at an account counts no longer.
delete from app.login_attempts where subject = 'account:' || $1::uuid
