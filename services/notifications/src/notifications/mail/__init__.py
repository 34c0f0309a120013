"""Mail: what it looks like (`compose`), and how it gets to the mail server (`smtp`)."""
