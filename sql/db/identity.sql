-- Which data these are, and as whom: a replica shows the same as its primary. (Roles and their rights are replicated.)
select system_identifier as "system!", current_database()::text as "database!", session_user::text as "role!"
from pg_control_system()
