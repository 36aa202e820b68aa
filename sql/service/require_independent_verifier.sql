select app.require_independent_verifier()
