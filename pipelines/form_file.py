"""The form as a file that KoboToolbox and ODK Central take."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from openpyxl import Workbook

from features.errors import ConfigError
from response.form import columns, sheets, xform
from response.short_codes import Unit


def write_form(file: Path, units: Iterable[Unit], country: str, iso3: str) -> list[str]:
    """Write the form, as XLSForm or as XForm by the file's ending, and check it.

    The XLSForm is read back by pyxform from the file itself, and checked by ODK Validate where
    there is java.

    Returns:
        What pyxform warns of.

    Raises:
        ConfigError: another ending, or the form that was written is not valid.
    """
    made = sheets(units, country, iso3)
    if file.suffix == ".xml":
        file.write_text(xform(made), encoding="utf-8")
        return []
    if file.suffix != ".xlsx":
        raise ConfigError(f"{file}: expected a file that ends in .xlsx or .xml")
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in made.items():
        sheet = book.create_sheet(name)
        headings = columns(rows)
        for at, row in enumerate([dict(zip(headings, headings, strict=True)), *rows], 1):
            for column, heading in enumerate(headings, 1):
                if row.get(heading):
                    cell = sheet.cell(at, column, row[heading])
                    cell.data_type = "s"  # a name that begins with = is no formula
    part = file.with_name(f".tmp-{file.name}")
    book.save(part)
    try:
        warnings = _checked(part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return warnings


def _checked(file: Path) -> list[str]:
    from pyxform.errors import PyXFormError
    from pyxform.validators.odk_validate import ODKValidateError
    from pyxform.xls2xform import convert

    warnings: list[str] = []
    try:
        convert(file, warnings=warnings, validate=shutil.which("java") is not None)
    except (PyXFormError, ODKValidateError) as error:
        raise ConfigError(f"{file}: expected a valid form, got: {error}") from error
    return warnings
