"""Where projects are kept."""

from uuid import UUID

from asyncpg import Record

from chassis.access import Scope
from chassis.db import Tx
from chassis.errors import NotFound
from membership.domain.activities import Activity
from membership.domain.projects import Project
from membership.store import place


async def find_projects(tx: Tx, scope: Scope, pole_id: UUID | None, after: UUID | None, limit: int) -> list[Project]:
    """Projects in order of id from the first after `after`: of poles that the caller is in or runs, and their own."""
    rows = await tx.fetch(
        """
        SELECT id, version, pole_id, lead_organisation_id, title, summary, activities,
            commune, commune_name, latitude, longitude, launched_at
        FROM project
        WHERE ($1::uuid IS NULL OR pole_id = $1) AND ($2::uuid IS NULL OR id > $2)
            AND ($4 OR pole_id = ANY ($5) OR lead_organisation_id = ANY ($6))
        ORDER BY id LIMIT $3
        """,
        pole_id,
        after,
        limit,
        scope.administrator,
        [*scope.poles, *scope.coordinates],
        list(scope.organisations),
    )
    return [_project(row) for row in rows]


async def find_project(tx: Tx, scope: Scope, project_id: UUID) -> Project:
    """A project that the caller may see; raises NotFound for any other."""
    row = await tx.fetchrow(
        """
        SELECT id, version, pole_id, lead_organisation_id, title, summary, activities,
            commune, commune_name, latitude, longitude, launched_at
        FROM project WHERE id = $1 AND ($2 OR pole_id = ANY ($3) OR lead_organisation_id = ANY ($4))
        """,
        project_id,
        scope.administrator,
        [*scope.poles, *scope.coordinates],
        list(scope.organisations),
    )
    if row is None:
        raise NotFound
    return _project(row)


async def add_project(tx: Tx, project: Project) -> None:
    """Keep a new project."""
    await tx.execute(
        """
        INSERT INTO project (id, version, pole_id, lead_organisation_id, title, summary, activities,
            commune, commune_name, latitude, longitude, launched_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        """,
        project.id,
        project.version,
        project.pole_id,
        project.lead_organisation_id,
        project.title,
        project.summary,
        [activity.value for activity in project.activities],
        *place.columns(project.place),
        project.launched_at,
    )


def _project(row: Record) -> Project:
    return Project(
        id=row["id"],
        version=row["version"],
        pole_id=row["pole_id"],
        lead_organisation_id=row["lead_organisation_id"],
        title=row["title"],
        summary=row["summary"],
        activities=tuple(Activity(code) for code in row["activities"]),
        place=place.place(row),
        launched_at=row["launched_at"],
    )
