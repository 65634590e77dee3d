"""What every part of a definition is made of: frozen models, and one text in several languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, RootModel


def as_list(value: object) -> object:
    """One value where a list is meant."""
    return [value] if isinstance(value, str | dict) else value


Keys = Annotated[tuple[str, ...], BeforeValidator(as_list)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(RootModel[Mapping[str, str]]):
    """One text in every language of its definition."""

    model_config = ConfigDict(frozen=True)

    def in_language(self, language: str) -> str:
        """The text in `language`, else in the definition's first language."""
        found = self.root.get(language)
        return found if found is not None else next(iter(self.root.values()))


class Named(Model):
    key: str = ""
    code: str = ""
    title: Text
    provenance: str = ""

    @property
    def short(self) -> str:
        return self.code or self.key
