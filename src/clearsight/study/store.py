"""Who has rated what, in a database: SQLite in the study's folder, or whatever SQLAlchemy knows."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime

from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlmodel import Field, Session, SQLModel, UniqueConstraint, create_engine, func, select

from clearsight.errors import DataError, InvalidArgumentError, reason
from clearsight.study.design import Ranking

__all__ = ["Rater", "Rating", "Store"]


def _now() -> datetime:
    return datetime.now(UTC)


class Rater(SQLModel, table=True):
    """Somebody who rates; nothing is known but a token that only their browser has."""

    id: int | None = Field(default=None, primary_key=True)
    token: str = Field(index=True, unique=True)
    since: datetime = Field(default_factory=_now)


class Rating(SQLModel, table=True):
    """One ranking; a trial is rated once."""

    __table_args__ = (UniqueConstraint("rater", "trial"),)

    id: int | None = Field(default=None, primary_key=True)
    rater: int = Field(foreign_key="rater.id", index=True)
    trial: int
    image: str
    methods: str  # a JSON list, the best first
    repeat: bool
    at: datetime = Field(default_factory=_now)


class Store:
    """The ratings of a study. Each call is a transaction of its own, and may come from any thread.

    Args:
        url: of SQLAlchemy, such as ``sqlite:///study/ratings.db``.

    Raises:
        InvalidArgumentError: it is no such address, or what speaks to that database is not installed.
        DataError: the database cannot be reached.
    """

    def __init__(self, url: str) -> None:
        try:
            self._engine = create_engine(url)
            SQLModel.metadata.create_all(self._engine, tables=[_table(Rater), _table(Rating)])
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            text = f"{url!r} is no database that SQLAlchemy can open here ({reason(error)}): give sqlite:///FILE"
            raise InvalidArgumentError(text) from None
        except SQLAlchemyError as error:
            raise DataError(f"the database of the ratings cannot be opened ({reason(error)}): check its address") from (
                None
            )

    def enter(self) -> str:
        """Let somebody in; the token tells them from others."""
        token = secrets.token_urlsafe(16)
        with Session(self._engine) as session:
            session.add(Rater(token=token))
            session.commit()
        return token

    def rater(self, token: str) -> int | None:
        """The number of the rater with that token, from 1; ``None`` if there is none."""
        with Session(self._engine) as session:
            return session.exec(select(Rater.id).where(Rater.token == token)).one_or_none()

    def rated(self, rater: int) -> int:
        """How many trials that rater has done: they come in order."""
        with Session(self._engine) as session:
            return session.exec(select(func.count()).select_from(Rating).where(Rating.rater == rater)).one()

    def add(self, ranking: Ranking, trial: int) -> bool:
        """Keep a ranking of the trial of that number; False if it was there already, which stays."""
        methods = json.dumps(ranking.order)
        rating = Rating(rater=ranking.rater, trial=trial, image=ranking.image, methods=methods, repeat=ranking.repeat)
        with Session(self._engine) as session:
            session.add(rating)
            try:
                session.commit()
            except IntegrityError:
                return False
        return True

    def rankings(self) -> list[Ranking]:
        """All of them, rater by rater."""
        with Session(self._engine) as session:
            rows = session.exec(select(Rating).order_by("rater", "trial"))
            return [Ranking(row.rater, row.image, tuple(json.loads(row.methods)), row.repeat) for row in rows]

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


def _table(model: type[SQLModel]):  # type: ignore[no-untyped-def]
    return model.__table__  # type: ignore[attr-defined]
