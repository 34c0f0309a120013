"""Kafka in: which event is handled by what."""

from chassis.consume import Handlers
from pooling.handlers import members
from schemas import membership

HANDLERS: Handlers = {
    membership.PoleEvent.TOPIC: {
        membership.PoleOpened: members.know_poles,
        membership.PoleChanged: members.know_poles,
    },
    membership.OrganisationEvent.TOPIC: {
        membership.OrganisationRegistered: members.know_organisations,
        membership.OrganisationChanged: members.know_organisations,
    },
    membership.MemberEvent.TOPIC: {
        membership.MemberApplied: members.know_members,
        membership.MemberJoined: members.know_members,
        membership.MemberRefused: members.know_members,
        membership.MemberLeft: members.know_members,
    },
    membership.ProjectLaunched.TOPIC: {membership.ProjectLaunched: members.know_projects},
}
