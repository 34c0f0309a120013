"""Where mails and webhooks of this machine end: an SMTP server and a webhook receiver, with pages that list them."""
