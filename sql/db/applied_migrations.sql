select version as "version!", checksum as "checksum!", success as "success!"
from app.applied_migrations()
