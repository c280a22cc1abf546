"""`puqpanel module texts`: update and check the translations of a module."""

from __future__ import annotations

from collections import Counter

import click
from babel import Locale, UnknownLocaleError

from puqpanel.cli.context import instance_option
from puqpanel.cli.modules_on_disk import select_modules
from puqpanel.domain.errors import UserError
from puqpanel.infra.settings import Settings

KINDS = {
    "missing": "not in the catalog",
    "untranslated": "not translated",
    "placeholders": "has other placeholders",
    "unused": "no longer used",
}


@click.command("texts")
@click.argument("name")
@click.option("--language", "tag", help="Create the catalog of a language, such as de or pt-BR.")
@click.option("--check", is_flag=True, help="Change nothing; exit with code 1 on a problem.")
@instance_option
def texts(settings: Settings, *, name: str, tag: str | None, check: bool) -> int:
    """Update the catalogs of a module, lang/LANGUAGE.po, with the texts in its code.

    New texts are added and unused ones are removed. Then lists the texts that have no translation
    or a faulty one.
    """
    from puqpanel.host import checks
    from puqpanel.host.checks import catalogs

    [module] = select_modules(settings, [name])
    source = checks.read(module.folder, module.type, module.name)
    tags = [path.stem for path in catalogs.files(module.folder)]
    if tag and tag not in tags:
        tags.append(tag)
    if not tags:
        raise UserError("The module has no catalogs. Create one with --language.")
    problems = 0
    for language in tags:
        if check:
            path = module.folder / "lang" / f"{language}.po"
            catalog = catalogs.read(path)
        else:
            path, catalog = catalogs.update(source, _locale(language))
        faults = list(catalogs.faults(source, catalog))
        for kind, text in faults:
            click.echo(f"{path.name}: {KINDS[kind]}: {text}")
        counts = Counter(kind for kind, _ in faults)
        summary = ", ".join(f"{counts[kind]} {KINDS[kind]}" for kind in KINDS if counts[kind])
        click.echo(f"{path.name}: {len(catalog)} texts, {summary or 'complete'}.")
        problems += len(faults)
    return int(check and problems > 0)


def _locale(tag: str) -> Locale:
    try:
        return Locale.parse(tag, sep="-" if "-" in tag else "_")
    except (ValueError, UnknownLocaleError):
        raise UserError(f"“{tag}” is not a language tag such as de or pt-BR.") from None
