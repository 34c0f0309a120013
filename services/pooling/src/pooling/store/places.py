"""Places where planned lines could be instead, as they are now."""

from collections.abc import Collection
from uuid import UUID

from chassis.access import Scope
from chassis.db import Tx
from pooling.domain.territory import Slot
from pooling.store import rows


async def still_free(tx: Tx, scope: Scope, places: Collection[tuple[UUID, Slot]]) -> dict[tuple[UUID, Slot], str]:
    """Of these places, by line, those that the caller may see and that are neither taken nor planned for another line.

    With the resources' titles.
    """
    found = await tx.fetch(
        """
        SELECT place.line_id, place.resource_id, place.period, resource.title
        FROM unnest($1::uuid[], $2::uuid[], $3::tstzrange[]) AS place (line_id, resource_id, period)
        JOIN resource ON resource.id = place.resource_id AND resource.status = 'offered'
            AND (resource.organisation_id = ANY($4)
                OR (resource.ring = 'everyone' AND cardinality($5::uuid[]) > 0)
                OR (resource.ring IN ('pole', 'partner_poles') AND resource.pole_id = ANY($5))
                OR (resource.ring = 'partner_poles' AND resource.pole_id = ANY($6)))
        JOIN resource_free ON resource_free.resource_id = resource.id AND resource_free.free @> place.period
        WHERE lower(place.period) > now() AND NOT EXISTS (
            SELECT FROM plan_slot WHERE plan_slot.resource_id = place.resource_id AND plan_slot.until > now()
                AND plan_slot.period && place.period AND plan_slot.line_id <> place.line_id)
        """,
        [line_id for line_id, _ in places],
        [slot.resource_id for _, slot in places],
        [rows.span(slot.period) for _, slot in places],
        list(scope.organisations),
        scope.poles,
        scope.partner_poles,
    )
    return {(row["line_id"], Slot(row["resource_id"], rows.period(row["period"]))): row["title"] for row in found}
