"""Every SQL statement, by topic: facts (the projection), news, people (inbox and mails), webhooks, deliveries."""
