"""Access as one thing: built once in the server process, handed to routes and to other slices' wiring."""

from collections.abc import Sequence
from dataclasses import dataclass

from kaname.access.accounts import AccountService
from kaname.access.audit import AuditEntry, AuditLog, AuditVerdict
from kaname.access.authenticator import Authenticator
from kaname.access.erasure import ProjectEraser
from kaname.access.keyring import KeyRing
from kaname.access.keys import KeyService, SqlKeySource
from kaname.access.members import MemberService
from kaname.access.model import OrganizationScope
from kaname.access.passwords import Passwords
from kaname.access.personal_tokens import PersonalTokenService
from kaname.access.ports import ProjectStore
from kaname.access.project_rows import SqlProjectRows
from kaname.access.projects import ProjectService
from kaname.access.sessions import SessionStore
from kaname.access.settings import AccessSettings
from kaname.access.setup import SetupTokens
from kaname.access.throttle import LoginThrottle
from kaname.kernel.clock import Clock
from kaname.kernel.paging import Page
from kaname.storage.sql.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessService:
    """The parts of access. `start` before use: it loads the API keys; `stop` at the end."""

    database: Database
    settings: AccessSettings
    keyring: KeyRing
    authenticator: Authenticator
    audit: AuditLog
    setup: SetupTokens
    accounts: AccountService
    tokens: PersonalTokenService
    keys: KeyService
    projects: ProjectService
    eraser: ProjectEraser
    members: MemberService
    sessions: SessionStore

    def start(self) -> None:
        """Loads the API keys and follows their changes; goes on erasing deleted projects."""
        self.keyring.start()
        self.eraser.start()

    def stop(self) -> None:
        """Stops following and stores when keys were last used."""
        self.eraser.stop()
        self.keyring.stop()

    def list_audit(
        self, scope: OrganizationScope, *, action: str | None, actor_id: str | None, cursor: str | None, limit: int
    ) -> Page[AuditEntry]:
        """Audit entries of an organization, newest first."""
        with self.database.read() as connection:
            return self.audit.list_entries(
                connection, scope.organization_id, action=action, actor_id=actor_id, cursor=cursor, limit=limit
            )

    def verify_audit(self, scope: OrganizationScope) -> AuditVerdict:
        """Checks an organization's whole chain."""
        with self.database.read() as connection:
            return self.audit.verify(connection, scope.organization_id)


def build_access(
    database: Database, settings: AccessSettings, clock: Clock, stores: Sequence[ProjectStore] = ()
) -> AccessService:
    """Puts the parts together over a database with the present schema; `stores`: where else projects have rows."""
    audit, passwords, throttle = AuditLog(clock), Passwords(), LoginThrottle(clock)
    sessions = SessionStore(settings, clock)
    keyring = KeyRing(SqlKeySource(database))
    accounts = AccountService(database, audit, sessions, passwords, throttle, clock)
    eraser = ProjectEraser(database, (*stores, SqlProjectRows(database)), clock)
    return AccessService(
        database=database,
        settings=settings,
        keyring=keyring,
        authenticator=Authenticator(database, keyring, sessions, clock),
        audit=audit,
        setup=SetupTokens(database, audit, passwords, clock),
        accounts=accounts,
        tokens=PersonalTokenService(database, audit, clock),
        keys=KeyService(database, audit, clock, keyring.refresh),
        projects=ProjectService(database, audit, clock, keys_changed=keyring.refresh, deleted=eraser.wake),
        eraser=eraser,
        members=MemberService(database, audit, accounts, passwords, settings, clock),
        sessions=sessions,
    )
