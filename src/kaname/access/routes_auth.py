"""Routes of one's own account: set-up, login, logout, profile, personal tokens."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from kaname.access.http import SESSION_COOKIE, principal
from kaname.access.model import Principal
from kaname.access.service import AccessService
from kaname.access.sessions import csrf_token_of
from kaname.access.wire import (
    AcceptInviteRequest,
    AuthState,
    CreatedTokenView,
    CreateTokenRequest,
    Cursor,
    Limit,
    LoginRequest,
    Me,
    MeOrganization,
    MePrincipal,
    MeUser,
    NameRequest,
    SetupRequest,
    TokenList,
    TokenRequest,
    TokenView,
    UpdateMe,
)
from kaname.kernel.errors import PermissionDeniedError, UnauthenticatedError
from kaname.kernel.paging import DEFAULT_LIMIT

Caller = Annotated[Principal, Depends(principal)]


def build_auth_router(access: AccessService, version: str) -> APIRouter:
    """Login and first-run set-up."""
    router = APIRouter(tags=["auth"])

    @router.get("/api/v1/auth/state", operation_id="get_auth_state")
    def get_auth_state() -> AuthState:
        return AuthState(setup_required=access.setup.is_required(), version=version)

    @router.post("/api/v1/auth/setup", operation_id="complete_setup", status_code=201)
    def complete_setup(body: SetupRequest, request: Request, response: Response) -> Me:
        made = access.setup.complete(
            body.token,
            email=body.email,
            name=body.name,
            password=body.password,
            organization_name=body.organization_name,
            project_name=body.project_name,
        )
        return _start_session(access, made.user.id, request, response)

    @router.post("/api/v1/auth/login", operation_id="log_in")
    def log_in(body: LoginRequest, request: Request, response: Response) -> Me:
        user = access.accounts.check_login(body.email, body.password, _address(request))
        return _start_session(access, user.id, request, response)

    @router.post("/api/v1/auth/token", operation_id="create_token_by_password", status_code=201)
    def create_token_by_password(body: TokenRequest, request: Request) -> CreatedTokenView:
        user = access.accounts.check_login(body.email, body.password, _address(request))
        caller = Principal(kind="user", id=user.id, name=user.name, user_id=user.id)
        created = access.tokens.create(caller, user.id, body.name)
        return CreatedTokenView(**TokenView.of(created.token).model_dump(), token=created.text)

    @router.post("/api/v1/auth/accept-invite", operation_id="accept_invite", status_code=201)
    def accept_invite(body: AcceptInviteRequest, request: Request, response: Response) -> Me:
        user = access.members.accept_invite(
            body.token, name=body.name, password=body.password, address=_address(request)
        )
        return _start_session(access, user.id, request, response)

    @router.post("/api/v1/auth/logout", operation_id="log_out", status_code=204)
    def log_out(request: Request, response: Response) -> None:
        token = request.cookies.get(SESSION_COOKIE)
        if token:
            access.accounts.end_session(token)
        response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax")

    return router


def build_me_router(access: AccessService) -> APIRouter:
    """The caller's profile and personal tokens."""
    router = APIRouter(tags=["me"])

    @router.get("/api/v1/me", operation_id="get_me")
    def get_me(caller: Caller, request: Request) -> Me:
        return _me(access, caller, _cookie_of(caller, request))

    @router.patch("/api/v1/me", operation_id="update_me")
    def update_me(body: UpdateMe, caller: Caller, request: Request, response: Response) -> Me:
        token = _cookie_of(caller, request)
        renewed = access.accounts.update(
            caller,
            name=body.name,
            new_password=body.password,
            current_password=body.current_password,
            session_token=token,
        )
        if renewed is not None:
            _set_cookie(access, renewed, request, response)
        return _me(access, caller, renewed or token)

    @router.get("/api/v1/me/tokens", operation_id="list_tokens")
    def list_tokens(caller: Caller, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> TokenList:
        page = access.tokens.list_tokens(_user_id(caller), cursor=cursor, limit=limit)
        return TokenList(items=[TokenView.of(t) for t in page.items], next_cursor=page.next_cursor)

    @router.post("/api/v1/me/tokens", operation_id="create_token", status_code=201)
    def create_token(body: CreateTokenRequest, caller: Caller) -> CreatedTokenView:
        if caller.kind != "user":
            # A token that ends must not be able to make one that doesn't.
            raise PermissionDeniedError("a token can't make tokens", hint="Log in with a browser or `kaname login`.")
        created = access.tokens.create(caller, _user_id(caller), body.name, body.expires_at)
        return CreatedTokenView(**TokenView.of(created.token).model_dump(), token=created.text)

    @router.patch("/api/v1/me/tokens/{token_id}", operation_id="rename_token")
    def rename_token(token_id: str, body: NameRequest, caller: Caller) -> TokenView:
        return TokenView.of(access.tokens.rename(caller, _user_id(caller), token_id, body.name))

    @router.delete("/api/v1/me/tokens/{token_id}", operation_id="remove_token", status_code=204)
    def remove_token(token_id: str, caller: Caller) -> None:
        access.tokens.remove(caller, _user_id(caller), token_id)

    return router


def _start_session(access: AccessService, user_id: str, request: Request, response: Response) -> Me:
    token = access.accounts.open_session(user_id, replacing=request.cookies.get(SESSION_COOKIE))
    _set_cookie(access, token, request, response)
    return _me(access, access.authenticator.by_session(token), token)


def _set_cookie(access: AccessService, token: str, request: Request, response: Response) -> None:
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(access.sessions.longest.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=access.settings.secure_cookies or request.url.scheme == "https",
    )
    response.headers["cache-control"] = "no-store"


def _me(access: AccessService, caller: Principal, session_token: str | None) -> Me:
    user = access.accounts.user_of(caller) if caller.user_id is not None else None
    name = user.name if user is not None and caller.kind == "user" else caller.name
    return Me(
        principal=MePrincipal(kind=caller.kind, id=caller.id, name=name),
        user=None if user is None else MeUser(id=user.id, email=user.email, name=user.name),
        csrf_token=None if session_token is None else csrf_token_of(session_token),
        organizations=[MeOrganization.of(place) for place in access.accounts.places_of(caller)],
    )


def _cookie_of(caller: Principal, request: Request) -> str | None:
    """The session token, if it is what the caller came with."""
    return request.cookies.get(SESSION_COOKIE) if caller.kind == "user" else None


def _user_id(caller: Principal) -> str:
    if caller.user_id is None:
        raise UnauthenticatedError("this needs a user", hint="Log in.")
    return caller.user_id


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""
