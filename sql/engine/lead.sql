select app.lead_engine($1, $2) as "leads!"
