"""Languages that a page can be asked for."""

from __future__ import annotations

from enum import StrEnum

from features.vocabulary import Language


class PageLanguage(StrEnum):
    """French, English, or both in one file, French first."""

    FR = "fr"
    EN = "en"
    BOTH = "both"

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages of the page, in order."""
        if self is PageLanguage.BOTH:
            return Language.FR, Language.EN
        return (Language(self.value),)
