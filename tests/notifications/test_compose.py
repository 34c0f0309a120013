"""What a mail is made of: the person's address, asked of membership, and headers that nobody can add to."""

import time
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import uuid4

import pytest
from aiosmtplib.email import flatten_message
from pydantic import ValidationError

from notifications.contacts import Contact, Contacts, MembershipAway, PersonUnknown
from notifications.mail.compose import BadAddress, compose
from notifications.settings import MailSettings
from notifications.workers import mail
from tests.notifications.people import Membership, mail_settings


@pytest.mark.parametrize(
    "email",
    ["a@b\r\nBcc: x@y.example", "nobody", "a@b, c@d", "a b@c.example", "@", "a@" + "x" * 300 + ".fr", "", "a@é..fr"],
)
def test_an_address_that_is_none_is_refused(email: str) -> None:
    with pytest.raises(BadAddress):
        message_to(Contact(email=email, name="Zoé", language="fr"))


HOSTILE = (
    "Zoé\r\nBcc: x@y.example",
    '"; <evil@x.example>',
    "Zoé, x@y.example, " * 9,
    "Zoe, x@y.example, " + "Marie " * 12,
)


@pytest.mark.parametrize("name", [*HOSTILE, "", "名前", "a" * 1000])
def test_a_name_never_adds_a_header_or_a_recipient(name: str) -> None:
    message = message_to(Contact(email="zoe@ferme.example", name=name, language="fr"))
    assert [each.addr_spec for each in message["To"].addresses] == ["zoe@ferme.example"]
    assert message["Bcc"] is None
    arrived = message_from_bytes(flatten_message(message), _class=EmailMessage, policy=policy.default)
    assert [each.addr_spec for each in arrived["To"].addresses] == ["zoe@ferme.example"]
    head = message.as_bytes().split(b"\r\n\r\n")[0]
    assert not any(line.lower().startswith(b"bcc") for line in head.split(b"\r\n"))


def message_to(contact: Contact, pole: str = "Val de Saône", **settings: str) -> EmailMessage:
    """A mail that welcomes this person in a pole."""
    params = {"organisation": "La Ferme", "pole": pole}
    return compose(
        mail_settings(25, **settings), contact, notification_id=uuid4(), told=[("member_joined", params)],
        created_at=datetime.now(UTC),
    )  # fmt: skip


ZOE = Contact(email="zoe@ferme.example", name="Zoé", language="fr")


def test_a_long_address_to_unsubscribe_is_sent_as_it_is() -> None:
    address = "https://polepool.example/unsubscribe?" + "x" * 83
    assert len(address) == 120
    raw = flatten_message(message_to(ZOE, unsubscribe=address))
    assert f"\r\nList-Unsubscribe: <{address}>\r\n".encode() in raw
    with pytest.raises(ValidationError):
        message_to(ZOE, unsubscribe="https://polepool.example/é")


def test_nothing_to_unsubscribe_with_is_promised_unless_the_operator_says_so() -> None:
    assert message_to(ZOE)["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    "pole", ["Minibus à l’école l’école bien grand (rampe) équipé –", "l’école, été Élévateur (nord)"]
)
def test_a_subject_arrives_as_it_was_written(pole: str) -> None:
    message = message_to(ZOE, pole=pole)
    arrived = message_from_bytes(flatten_message(message), _class=EmailMessage, policy=policy.default)
    assert str(arrived["Subject"]) == f"Bienvenue dans le pôle {pole}"


async def test_a_contact_is_remembered_shortly_and_the_token_kept(people: Membership) -> None:
    person = uuid4()
    people.add(person, "zoe@ferme.example")
    contacts = Contacts(people.settings(contact_seconds=60))
    for _ in range(3):
        assert (await contacts.of(person)).email == "zoe@ferme.example"
    assert (people.asked, people.tokens) == (1, 1)
    await contacts.close()


async def test_a_contact_is_forgotten_when_its_time_is_over(
    people: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier, later = uuid4(), uuid4()
    people.add(earlier, "zoe@ferme.example")
    people.add(later, "tom@ferme.example")
    contacts, now = Contacts(people.settings(contact_seconds=60)), time.monotonic()
    await contacts.of(earlier)
    monkeypatch.setattr(time, "monotonic", lambda: now + 59)
    await contacts.of(later)
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    contacts.forget()
    assert list(contacts._known) == [later]
    await contacts.close()


async def test_a_token_that_membership_no_longer_knows_is_renewed_once(people: Membership) -> None:
    person = uuid4()
    people.add(person, "zoe@ferme.example")
    contacts = Contacts(people.settings())
    await contacts.of(person)
    people.forgot_keys = True
    assert (await contacts.of(person)).name == "Zoé Martin"
    assert people.tokens == 2
    with pytest.raises(PersonUnknown):
        await contacts.of(uuid4())
    await contacts.close()


async def test_a_wrong_secret_reads_as_membership_away_without_telling_it(people: Membership) -> None:
    settings = people.settings().model_copy(update={"client_id": "somebody"})
    contacts = Contacts(settings)
    with pytest.raises(MembershipAway, match=r"^token answered 401$"):
        await contacts.of(uuid4())
    await contacts.close()


def test_mail_in_the_clear_leaves_no_machine() -> None:
    for host in ("smtp.example.org", "10.0.0.1"):
        with pytest.raises(ValidationError, match="only for a mail server on this machine"):
            MailSettings(host=host, tls="none", sender="a@b.example")
    assert MailSettings(host="smtp.example.org", sender="a@b.example").tls == "starttls"
    assert MailSettings(host="mails", tls="none", plain_hosts=("mails",), sender="a@b.example").host == "mails"


def test_the_pause_doubles_up_to_a_limit() -> None:
    settings = mail_settings(25, first_delay=10, longest_delay=60)
    for attempts, planned in ((1, 10), (2, 20), (3, 40), (4, 60), (30, 60)):
        assert timedelta(seconds=planned) <= mail._delay(settings, attempts) <= timedelta(seconds=planned * 1.25)


def test_a_lease_that_ends_before_a_mail_may_is_refused() -> None:
    with pytest.raises(ValidationError, match="lease must be longer than twice timeout and content_timeout"):
        MailSettings(host="127.0.0.1", tls="none", sender="a@b.example", timeout=20, content_timeout=30, lease=100)
