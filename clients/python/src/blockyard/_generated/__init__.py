"""Generated from openapi.json by `just clients-generate`; not to be edited."""
