"""HTTP in: parse, open the transaction, call a handler, translate a refusal."""

from membership.api import access, members, organisations, people, poles, projects, reference

ROUTERS = (
    people.router,
    access.router,
    organisations.router,
    poles.router,
    members.router,
    projects.router,
    reference.router,
)
