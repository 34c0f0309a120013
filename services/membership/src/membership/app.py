"""The composition root: the only place that builds things; tests use the same door."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from joserfc.jwk import KeySet

from chassis.access import TokenVerifier, load_keys
from chassis.process import Running, Service
from membership.api import ROUTERS
from membership.authority import Authority
from membership.operating import COMMANDS
from membership.settings import MembershipSettings
from membership.store.scope import load_scope
from membership.throttle import Throttle


def build() -> Service[MembershipSettings]:
    """membership as a process plays it."""
    return Service(
        settings=MembershipSettings,
        migrations=files("membership") / "migrations",
        routers=ROUTERS,
        load_scope=load_scope,
        verifier=own_verifier,
        compose=compose,
        commands=COMMANDS,
    )


@asynccontextmanager
async def compose(running: Running[MembershipSettings]) -> AsyncIterator[Mapping[str, Any]]:
    """What the API needs beyond the chassis; a process without a signing key (a relay) does without."""
    settings = running.settings
    yield {"authority": authority(settings)} if settings.signing_key_file else {}


def authority(settings: MembershipSettings) -> Authority:
    """Who says who somebody is; raises ValueError without a good signing key."""
    keys = load_keys(settings.signing_keys())
    return Authority(keys, settings.access, settings.service_clients, Throttle(settings.sign_in))


def own_verifier(settings: MembershipSettings) -> TokenVerifier:
    """Verifies tokens by the keys at hand, without fetching them from itself; raises ValueError without any."""
    return TokenVerifier(settings.access, KeySet([*load_keys(settings.signing_keys())]))
