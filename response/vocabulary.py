"""Words of field reports and alerts: what a mediator can say, with its code for SMS and its names.

A code is typed on a phone: French, capitals, no accents. The lists are a convention of Vigie,
drawn from what the mediators of Mali 2018 watched (voting centers, caravans, meetings).
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from features.vocabulary import Language


class ReportKind(StrEnum):
    """What a field report says."""

    WARNING_SIGN = "warning_sign"
    INCIDENT = "incident"
    TENSION_DEFUSED = "tension_defused"
    NOTHING_SEEN = "nothing_seen"


class Sign(StrEnum):
    """What a warning sign, an incident or a defused tension was about."""

    HATE_SPEECH = "hate_speech"
    ARMED_PRESENCE = "armed_presence"
    THREATS = "threats"
    RIVAL_RALLIES = "rival_rallies"
    FRAUD_RUMOUR = "fraud_rumour"
    DESTROYED_MATERIAL = "destroyed_material"
    BLOCKED_ROAD = "blocked_road"
    ABSENT_OFFICIALS = "absent_officials"
    CLASH = "clash"
    OTHER = "other"


class PlaceKind(StrEnum):
    """Where it was seen."""

    VOTING_CENTER = "voting_center"
    CARAVAN = "caravan"
    MEETING = "meeting"
    RALLY = "rally"
    MARKET = "market"
    ROAD = "road"
    OTHER = "elsewhere"


class People(StrEnum):
    """Who was involved, as a class: never a name, never an ethnic group."""

    PARTY_SUPPORTERS = "party_supporters"
    VOTERS = "voters"
    OFFICIALS = "officials"
    SECURITY_FORCES = "security_forces"
    ARMED_GROUP = "armed_group"
    CROWD = "crowd"
    NOBODY = "nobody"
    UNKNOWN = "unknown"


class Verification(StrEnum):
    """How far a report is borne out."""

    UNVERIFIED = "unverified"
    CORROBORATED = "corroborated"
    CONFIRMED = "confirmed"
    REFUTED = "refuted"


class Intake(StrEnum):
    """How a report came in."""

    API = "api"
    OPENROSA = "openrosa"
    KOBO = "kobo"
    ODK = "odk"
    SMS = "sms"
    CSV = "csv"


class Level(StrEnum):
    """Who has to act: the commune and cercle, the ministry, or ECOWAS."""

    LOCAL = "local"
    NATIONAL = "national"
    REGIONAL = "regional"


class Said(NamedTuple):
    """A word as people type and read it."""

    code: str
    en: str
    fr: str

    def in_language(self, language: Language) -> str:
        """The name in a language."""
        return self.fr if language is Language.FR else self.en


SAID: MappingProxyType[StrEnum, Said] = MappingProxyType(
    {
        ReportKind.WARNING_SIGN: Said("SIGNE", "warning sign", "signe d'alerte"),
        ReportKind.INCIDENT: Said("INCIDENT", "incident", "incident"),
        ReportKind.TENSION_DEFUSED: Said("APAISE", "tension defused", "tension apaisée"),
        ReportKind.NOTHING_SEEN: Said("RIEN", "nothing seen", "rien vu"),
        Sign.HATE_SPEECH: Said("HAINE", "hate speech", "discours de haine"),
        Sign.ARMED_PRESENCE: Said("ARMES", "armed presence", "présence armée"),
        Sign.THREATS: Said("MENACES", "threats", "menaces"),
        Sign.RIVAL_RALLIES: Said(
            "RIVAUX", "rival rallies close together", "rassemblements rivaux proches"
        ),
        Sign.FRAUD_RUMOUR: Said("FRAUDE", "rumours of fraud", "rumeurs de fraude"),
        Sign.DESTROYED_MATERIAL: Said(
            "MATERIEL", "voting material destroyed", "matériel électoral détruit"
        ),
        Sign.BLOCKED_ROAD: Said("ROUTE", "blocked road", "route coupée"),
        Sign.ABSENT_OFFICIALS: Said(
            "ABSENTS", "officials absent or centre closed", "agents absents ou centre fermé"
        ),
        Sign.CLASH: Said("BAGARRE", "clash or brawl", "affrontement ou bagarre"),
        Sign.OTHER: Said("AUTRE", "other", "autre"),
        PlaceKind.VOTING_CENTER: Said("CENTRE", "voting center", "centre de vote"),
        PlaceKind.CARAVAN: Said("CARAVANE", "caravan march", "caravane"),
        PlaceKind.MEETING: Said("REUNION", "campaign meeting", "réunion de campagne"),
        PlaceKind.RALLY: Said("MEETING", "rally", "meeting"),
        PlaceKind.MARKET: Said("MARCHE", "market", "marché"),
        PlaceKind.ROAD: Said("CHEMIN", "road", "chemin"),
        PlaceKind.OTHER: Said("AILLEURS", "elsewhere", "ailleurs"),
        People.PARTY_SUPPORTERS: Said("MILITANTS", "party supporters", "militants"),
        People.VOTERS: Said("ELECTEURS", "voters", "électeurs"),
        People.OFFICIALS: Said("AGENTS", "election officials", "agents électoraux"),
        People.SECURITY_FORCES: Said("FORCES", "security forces", "forces de sécurité"),
        People.ARMED_GROUP: Said("GROUPE", "armed group", "groupe armé"),
        People.CROWD: Said("FOULE", "crowd", "foule"),
        People.NOBODY: Said("PERSONNE", "nobody", "personne"),
        People.UNKNOWN: Said("INCONNU", "not known", "inconnu"),
        Verification.UNVERIFIED: Said("NONVERIFIE", "unverified", "non vérifié"),
        Verification.CORROBORATED: Said("RECOUPE", "corroborated", "recoupé"),
        Verification.CONFIRMED: Said("CONFIRME", "confirmed", "confirmé"),
        Verification.REFUTED: Said("DEMENTI", "refuted", "démenti"),
        Level.LOCAL: Said("LOCAL", "local", "local"),
        Level.NATIONAL: Said("NATIONAL", "national", "national"),
        Level.REGIONAL: Said("REGIONAL", "regional (ECOWAS)", "régional (CEDEAO)"),
    }
)
"""Code and names of every word."""
