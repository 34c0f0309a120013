"""membership as a process: its commands, its roles, its events in Kafka, and an API that nothing gets a 500 from."""

import asyncio
import stat
import sys
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from chassis.testing import Parts, eventually, fresh_topics, read_topic
from schemas.catalogue import event_types, topics
from tests.membership import process
from tests.support.membership import PASSWORD, Actor, exchange, join, sign_in, sign_up

TOPICS = [name for name, topic in topics().items() if topic.owner == "membership"]


@pytest.fixture(scope="module")
async def env(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A provisioned and migrated membership with a signing key, made by its own commands."""
    key_file = tmp_path_factory.mktemp("keys") / "signing.pem"
    made = process.environment(parts, key_file)
    code, out, err = await process.command(made, "signing-key", "--file", str(key_file))
    assert code == 0, err
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    code, out, err = await process.command(made, "provision", "migrate")
    assert code == 0, out + err
    return made


async def an_administrator(env: dict[str, str], http: httpx.AsyncClient) -> Actor:
    env = {**env, "POLEPOOL_ADMINISTRATOR_PASSWORD": PASSWORD}
    code, _, err = await process.command(env, "administrator", "--email", "Ada@exemple.test", "--name", "Ada")
    assert code == 0, err
    return await sign_in(http, "ada@exemple.test")


async def test_what_people_do_reaches_kafka_whole_in_order_and_keyed(env: dict[str, str], parts: Parts) -> None:
    await fresh_topics(parts, *TOPICS)
    async with process.running(env, "api", "relay") as address, httpx.AsyncClient(base_url=address) as http:
        administrator, anne = await an_administrator(env, http), await sign_up(http)
        pole = await administrator.open_pole("Val de Saône Dombes", [anne.id])
        details = {"name": "Val de Saône", "coordinators": [str(anne.id)], "partners": []}
        assert (await anne.send("PUT", f"/v1/poles/{pole['id']}", details, version=1)).is_success
        organisation = await anne.register()
        await anne.create_key(organisation["id"])
        refused = await anne.refuse(await anne.apply(pole["id"], organisation["id"]))
        joined = await join(pole["id"], organisation["id"], manager=anne, coordinator=anne)
        project = await anne.launch(pole["id"], organisation["id"])
        left = await anne.depart(joined)
        assert left["id"] == refused["id"]

        async def published() -> dict[str, list[tuple[str, int]]] | None:
            found: dict[str, list[tuple[str, int]]] = {}
            for topic in TOPICS:
                for record in await read_topic(parts, topic):
                    event = event_types()[record.header("ce_type")].model_validate_json(record.value or b"")
                    assert record.key == str(event.aggregate.id).encode() == record.header("ce_subject").encode()
                    assert record.header("ce_source") == "/polepool/membership"
                    told = found.setdefault(str(event.aggregate.id), [])
                    told.append((type(event).__name__, event.aggregate.version))
            return found if sum(map(len, found.values())) >= 10 else None

        found = await eventually(published)
        assert found == {
            pole["id"]: [("PoleOpened", 1), ("PoleChanged", 2)],
            organisation["id"]: [("OrganisationRegistered", 1), ("OrganisationChanged", 2)],
            joined["id"]: [
                ("MemberApplied", 1),
                ("MemberRefused", 2),
                ("MemberApplied", 3),
                ("MemberJoined", 4),
                ("MemberLeft", 5),
            ],
            project["id"]: [("ProjectLaunched", 1)],
        }


async def test_an_administrator_is_made_once_and_a_known_person_is_promoted(env: dict[str, str]) -> None:
    async with process.running(env, "api") as address, httpx.AsyncClient(base_url=address) as http:
        anne = await sign_up(http)
        code, out, _ = await process.command(env, "administrator", "--email", anne.email)
        assert (code, out) == (0, f"{anne.email} is a network administrator now: {anne.id}\n")
        assert (await anne.get("/v1/me"))["administrator"] is True
        code, out, _ = await process.command(env, "administrator", "--email", anne.email)
        assert (code, out) == (0, f"{anne.email} is a network administrator already: {anne.id}\n")
        code, _, _ = await process.command(
            env, "administrator", "--email", "stdin@exemple.test", stdin="typed at a prompt\n"
        )
        assert code == 0
        assert (await (await sign_in(http, "stdin@exemple.test", "typed at a prompt")).get("/v1/me"))["administrator"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "complaint"),
    [
        (["--email", "nonsense"], "a long enough password\n", "email: must be an e-mail address"),
        (["--email", "new@exemple.test"], "short\n", "must have 12 to 1024 characters"),
    ],
)
async def test_a_bad_administrator_is_refused_in_one_line(
    env: dict[str, str], arguments: list[str], stdin: str, complaint: str
) -> None:
    code, out, err = await process.command(env, "administrator", *arguments, stdin=stdin)
    assert (code, out) == (2, "")
    assert complaint in err
    assert err.count("\n") == 1


async def test_an_operator_erases_the_only_manager_and_names_another(env: dict[str, str]) -> None:
    async with process.running(env, "api") as address, httpx.AsyncClient(base_url=address) as http:
        administrator, anne, bob = await an_administrator(env, http), await sign_up(http), await sign_up(http)
        organisation = await anne.register()
        pole = await administrator.open_pole("Niort", [anne.id])
        assert (await anne.send("DELETE", f"/v1/people/{anne.id}", version=1)).json()["code"] == "last_manager"
        code, out, err = await process.command(env, "erase", "--email", anne.email)
        assert (code, err) == (0, "")
        assert out.splitlines() == [
            f"{anne.email} is gone.",
            f"Organisation {organisation['id']} has no manager: name one with `manager`.",
            f"Pole {pole['id']} has no coordinator: a network administrator names one.",
        ]
        assert (await anne.send("GET", "/v1/me")).status_code == 401
        arguments = ("manager", "--email", bob.email, "--organisation", organisation["id"])
        code, _, err = await process.command(env, *arguments)
        assert (code, err) == (0, "")
        seen = await bob.get(f"/v1/organisations/{organisation['id']}")
        assert (seen["version"], seen["people"]) == (3, [{"person_id": str(bob.id), "role": "manager"}])
        named = {"name": "Niort", "coordinators": [str(bob.id)], "partners": []}
        changed = await administrator.send("PUT", f"/v1/poles/{pole['id']}", named, version=2)
        assert changed.json()["coordinators"] == [str(bob.id)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["erase", "--email", "nobody@exemple.test"],
        ["manager", "--email", "nobody@exemple.test", "--organisation", str(UUID(int=1))],
    ],
)
async def test_who_is_not_there_is_told_in_one_line(env: dict[str, str], arguments: list[str]) -> None:
    code, out, err = await process.command(env, *arguments)
    assert (code, out, err) == (2, "", "There is no such account or organisation.\n")


async def test_a_signing_key_is_never_overwritten(env: dict[str, str]) -> None:
    file = Path(env["POLEPOOL_SIGNING_KEY_FILE"])
    code, _, err = await process.command(env, "signing-key", "--file", str(file))
    assert (code, err) == (2, f"{file} not written: File exists\n")


async def test_without_a_signing_key_the_api_does_not_start_and_the_relay_does(env: dict[str, str]) -> None:
    without = {name: value for name, value in env.items() if name != "POLEPOOL_SIGNING_KEY_FILE"}
    code, out, _ = await process.command(without, "api")
    assert code == 1
    assert "POLEPOOL_SIGNING_KEY_FILE is missing" in out
    async with process.running(without, "relay") as address, httpx.AsyncClient(base_url=address) as http:
        assert (await http.get("/livez")).status_code == 200


async def test_another_service_gets_its_token_with_the_secret_of_the_environment(env: dict[str, str]) -> None:
    async with process.running(env, "api") as address, httpx.AsyncClient(base_url=address) as http:
        anne = await sign_up(http)
        notifications = await exchange(http, "notifications", process.CLIENT_SECRET)
        assert (await notifications.get(f"/v1/people/{anne.id}/contact"))["email"] == anne.email


async def fuzz(address: str, token: str, folder: Path, config: str) -> str:
    """Let schemathesis loose on the API for some seconds; what it said, if it found a 500."""
    await asyncio.to_thread((folder / "schemathesis.toml").write_text, config)
    fuzzing = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{address}/openapi.json",
        *("--header", f"Authorization: Bearer {token}"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--seed", "1", "--max-time", "10"),
        *("--checks", "not_a_server_error", "--suppress-health-check", "all", "--continue-on-failure", "--no-color"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(fuzzing.communicate(), 60)
    assert "Fuzzing (in" in out.decode(), out.decode()
    return "" if fuzzing.returncode == 0 else out.decode()[-6000:]


async def test_no_request_that_the_api_describes_gets_a_500(env: dict[str, str], tmp_path: Path) -> None:
    async with process.running(env, "api") as address, httpx.AsyncClient(base_url=address) as http:
        administrator = await an_administrator(env, http)
        organisation = await administrator.register()
        pole = await administrator.open_pole("Niort", [administrator.id])
        member = await administrator.apply(pole["id"], organisation["id"])
        known = {
            "person": administrator.id,
            "organisation": organisation["id"],
            "pole": pole["id"],
            "member": member["id"],
        }
        ids = "".join(f'"path.{name}_id" = "{id_}"\n' for name, id_ in known.items())
        config = f'[parameters]\n{ids}"header.If-Match" = \'"1"\'\n'
        assert not await fuzz(address, administrator.token, tmp_path, "")
        assert not await fuzz(address, administrator.token, tmp_path, config)
        told = await administrator.get(f"/v1/members/{member['id']}")
        assert told["version"] > 1, "the fuzzing never came as far as a change"
