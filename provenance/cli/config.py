"""Settings of a run: flags, ``PROVENANCE_*`` variables, ``provenance.toml``, defaults, in order.

A settings file may hold brands: ``[brand.acme]`` is a table of settings by a name, which come
before the file's others when that brand is asked for.  Who signs is the brand's alone to say.

Only the command line calls :func:`load`, once, at its start; everything below is given what it
needs.  The environment and the working folder are arguments, so this module reads
nothing on its own but the settings file it is told of.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from provenance.errors import UsageError
from provenance.results import Verdict

FILE_NAME: Final = "provenance.toml"
PREFIX: Final = "PROVENANCE_"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run goes by, resolved.  None means: the default of whoever uses it.

    ``keys`` is the keys folder; ``trust`` and ``trust_tsa`` hold PEM files of further anchors, for
    signers and for timestamps; ``accept`` the verdicts with which ``verify`` ends well; ``tsa`` the
    URL of a timestamp authority; ``min_margin`` the least margin of a small copy, in dB;
    ``max_seconds`` and ``max_memory`` (MiB) limit the examination of one file;
    ``registry`` names the registry of stamps, a path or a URL, or "none"; ``require_registry`` has
    ``verify`` confirm nothing that no registry vouches for; ``bound_approvals`` has ``batch`` count
    only approvals that name what the clip is stamped as; ``seen`` is the file that remembers the
    newest signed lists, or "none", ``max_list_age`` the days for which one is believed;
    ``encoder_options`` are passed to the encoder as they are; ``keep_tags`` names tags that are
    carried over besides those that always are; ``signer`` is the address of a
    signing key that is not the keyring's, ``signer_chain`` the PEM file of its certificates;
    ``webhook`` is the address that is told what happened, ``webhook_secret`` the file of the secret
    that signs for it, ``hook`` a program that is told.
    ``uploads`` is the folder of the desk's files, ``database`` the address of its queue.
    ``brand`` is whose settings these are, where a brand was asked for; ``source`` the settings file
    that was read, if any.
    """

    keys: Path | None = None
    trust: tuple[Path, ...] = ()
    trust_tsa: tuple[Path, ...] = ()
    accept: tuple[Verdict, ...] = (Verdict.CONFIRMED,)
    profile: str | None = None
    provider: str | None = None
    digital_source_type: str | None = None
    tsa: str | None = None
    codec: str | None = None
    crf: float | None = None
    bitrate: str | None = None
    preset: str | None = None
    encoder_options: tuple[tuple[str, str], ...] = ()
    keep_tags: tuple[str, ...] = ()
    signer: str | None = None
    signer_chain: Path | None = None
    min_margin: float | None = None
    registry: str | None = None
    require_registry: bool = False
    bound_approvals: bool = False
    seen: str | None = None
    max_list_age: float | None = None
    max_seconds: float | None = None
    max_memory: float | None = None
    webhook: str | None = None
    webhook_secret: Path | None = None
    hook: str | None = None
    uploads: Path | None = None
    database: str | None = None
    brand: str | None = None
    source: Path | None = None


BRAND: Final = "brand"
NAMES: Final = tuple(f.name for f in fields(Settings) if f.name not in (BRAND, "source"))
_EXCLUDE_EACH_OTHER: Final = ("crf", "bitrate")
_WHO: Final = ("keys", "signer", "signer_chain", "provider")
"""Who stamps: a brand takes none of these over from the settings that are everybody's."""
_FIXED: Final = (*_WHO, "registry")
"""What no flag and no variable changes about a brand."""


def load(
    flags: Mapping[str, Any], environ: Mapping[str, str], folder: Path | None = None
) -> Settings:
    """Resolve every setting once.

    Args:
        flags: values given on the command line by setting name, and ``brand``; None and empty mean
            "not given".  One who names the registry and not even None for ``keys`` needs no keys.
        environ: the process's environment; ``PROVENANCE_CONFIG`` names another settings file,
            ``PROVENANCE_BRAND`` the brand.
        folder: where ``provenance.toml`` is looked for; default: the working folder.

    Raises:
        UsageError: a value that cannot be read, an unknown key or brand in the file (named), a
            settings file that was asked for and is not there, a brand that something else given
            contradicts, or no brand where it could be any.
    """
    chosen: dict[str, Any] = {}
    from_flags = {name: value for name, value in flags.items() if value not in (None, "", ())}
    brand = from_flags.pop(BRAND, None) or environ.get(PREFIX + BRAND.upper()) or None
    needed = "registry" if "registry" in flags and "keys" not in flags else "keys"
    given = (from_flags, _environ_layer(environ))
    file, from_file, brands = _file_layer(environ, Path() if folder is None else folder)
    layers: tuple[Mapping[str, Any], ...] = (*given, from_file)
    if brand is not None:
        own = _brand_layer(brand, file, brands)
        for asked in given:
            _refuse_other(brand, own, asked)
        common = {name: value for name, value in from_file.items() if name not in _WHO}
        layers = (*given, own, common)
    elif brands and not any(needed in values for values in layers):
        raise UsageError(
            f"{file} has settings of {_listed(brands)}, and no {needed} where none is asked for",
            advice=f"say which brand it shall be, by a flag or by {PREFIX}{BRAND.upper()}",
            settings=("brand",),
        )
    for values in layers:
        if all(name in values for name in _EXCLUDE_EACH_OTHER):
            raise UsageError("A CRF and a bit rate exclude each other; give one of them.")
        rival_set = any(name in chosen for name in _EXCLUDE_EACH_OTHER)
        for name, value in values.items():
            # --crf on the command line must also beat a bit rate in the file.
            if name not in chosen and not (rival_set and name in _EXCLUDE_EACH_OTHER):
                chosen[name] = value
    return Settings(**chosen, brand=brand, source=file)


def parse_accept(text: str) -> tuple[Verdict, ...]:
    """Verdicts from ``CONFIRMED,WATERMARK_MATCH``.

    Raises:
        UsageError: naming the word that is no verdict.
    """
    accepted = []
    for word in text.split(","):
        name = word.strip().upper()
        if name not in Verdict.__members__:
            raise UsageError(
                f"{word.strip()!r} is no verdict; choose from {', '.join(Verdict.__members__)}."
            )
        accepted.append(Verdict[name])
    return tuple(dict.fromkeys(accepted))


def parse_names(text: str) -> tuple[str, ...]:
    """Names of tags from ``artist,comment``, in lower case, each once.

    Raises:
        UsageError: when a name is missing.
    """
    names = [word.strip().lower() for word in text.split(",")]
    if not all(names):
        raise UsageError(f"{text!r} is no list of names; write it like artist,comment.")
    return tuple(dict.fromkeys(names))


def parse_option(text: str) -> tuple[str, str]:
    """An encoder option from ``KEY=VALUE``.

    Raises:
        UsageError: when there is no key or no ``=``.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"{text!r} is no encoder option; write it as KEY=VALUE, like tune=film.")
    return key.strip(), value


def _environ_layer(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in NAMES:
        variable = PREFIX + name.upper()
        text = environ.get(variable, "")
        if text:
            values[name] = _read(name, _from_text(name, text), variable, None)
    return values


def _from_text(name: str, text: str) -> Any:
    """A variable's text in the form the same setting has in the file."""
    if name in ("trust", "trust_tsa"):
        return [part for part in text.split(os.pathsep) if part]
    if name == "encoder_options":
        return dict(parse_option(part) for part in text.split(",") if part)
    if name in ("require_registry", "bound_approvals"):
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    if name in ("crf", "min_margin", "max_list_age", "max_seconds", "max_memory"):
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _brand_layer(
    brand: str, file: Path | None, brands: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The settings of one brand.

    Raises:
        UsageError: there is none of this name, or its table doesn't say whose keys it stamps with.
    """
    if brand not in brands:
        known = f"{file} has {_listed(brands)}" if file else "there is no settings file"
        raise UsageError(
            f"There is no brand {brand!r}: {known}",
            advice=f"name another, or write its settings under [brand.NAME] in {file or FILE_NAME}",
        )
    if "keys" not in brands[brand]:
        raise UsageError(
            f"The brand {brand!r} in {file} names no keys",
            advice="give it a keys folder of its own: keys = ...",
        )
    return brands[brand]


def _refuse_other(brand: str, own: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Refuse what would have a brand stamp with another one's keys, or into its registry.

    Where a brand names no registry, any may be given: a URL with a password belongs into no file.
    """
    for name in _FIXED:
        said, value = own.get(name), values.get(name)
        if name not in values or (name == "registry" and said is None):
            continue
        if isinstance(said, Path) and isinstance(value, Path):
            said, value = said.resolve(), value.resolve()
        if value != said:
            raise UsageError(
                f"A flag or {PREFIX}{name.upper()} says otherwise of {name} than the settings of "
                f"brand {brand!r}",
                advice="leave one of the two out",
                settings=(name, BRAND),
            )


def _listed(brands: Mapping[str, object]) -> str:
    names = sorted(brands)
    if not names:
        return "no brands"
    return f"the brand{'s' * (len(names) > 1)} {', '.join(names)}"


def _file_layer(
    environ: Mapping[str, str], folder: Path
) -> tuple[Path | None, dict[str, Any], dict[str, dict[str, Any]]]:
    """The settings file, what it says for everybody, and what it says for each brand."""
    asked = environ.get(PREFIX + "CONFIG", "")
    file = Path(asked) if asked else folder / FILE_NAME
    if not asked and not file.is_file():
        return None, {}, {}
    try:
        with file.open("rb") as handle:
            table = tomllib.load(handle)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file} is not valid TOML: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"The settings file {file} cannot be read ({reason}).") from error
    brands = table.pop(BRAND, {})
    if not isinstance(brands, dict) or not all(isinstance(one, dict) for one in brands.values()):
        raise UsageError(f"{file}: brands are tables, like [brand.acme].")
    return (
        file,
        _table_layer(table, file, ""),
        {name: _table_layer(one, file, f"brand.{name}.") for name, one in brands.items()},
    )


def _table_layer(table: dict[str, Any], file: Path, prefix: str) -> dict[str, Any]:
    """One table of the settings file; ``prefix`` is what its keys are called by in errors."""
    for key in table:
        if key not in NAMES:
            raise UsageError(
                f"{file} has an unknown setting {prefix + key!r}; known are "
                f"{', '.join(sorted(NAMES))}."
            )
    return {
        key: _read(key, value, f"{prefix}{key} in {file}", file.parent)
        for key, value in table.items()
    }


def _read(name: str, value: Any, where: str, base: Path | None) -> Any:
    """Check and convert one value; ``base`` is the folder that its relative paths start from."""
    try:
        return _READERS[name](value, base)
    except TypeError as error:
        raise UsageError(f"{where} should be {error}.") from error
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error


def _text(value: Any, _base: Path | None) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError("text")
    return value


def _number(value: Any, _base: Path | None) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a number")
    return float(value)


def _positive(value: Any, _base: Path | None) -> float:
    number = _number(value, None)
    if not 0.0 < number < float("inf"):
        raise TypeError("a number above zero")
    return number


def _switch(value: Any, _base: Path | None) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false")
    return value


def _rate(value: Any, _base: Path | None) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).strip():
        raise TypeError("a bit rate, like 2M or 2500000")
    return str(value)


def _path(value: Any, base: Path | None) -> Path:
    if not isinstance(value, str) or not value:
        raise TypeError("a path")
    path = Path(value).expanduser()
    return path if base is None else base / path


def _paths(value: Any, base: Path | None) -> tuple[Path, ...]:
    listed = value if isinstance(value, list) else [value]
    try:
        return tuple(_path(item, base) for item in listed)
    except TypeError:
        raise TypeError("a path or a list of paths") from None


def _accept(value: Any, _base: Path | None) -> tuple[Verdict, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise TypeError("a verdict or a list of verdicts")
    return parse_accept(",".join(words))


def _names(value: Any, _base: Path | None) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise TypeError("a name or a list of names")
    return parse_names(",".join(words)) if words else ()


def _options(value: Any, _base: Path | None) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not all(
        isinstance(item, str | int | float) for item in value.values()
    ):
        raise TypeError("a table of encoder options")
    return tuple((key, str(item)) for key, item in value.items())


_READERS: Final[dict[str, Callable[[Any, Path | None], Any]]] = {
    "keys": _path,
    "trust": _paths,
    "trust_tsa": _paths,
    "accept": _accept,
    "profile": _text,
    "provider": _text,
    "digital_source_type": _text,
    "tsa": _text,
    "codec": _text,
    "crf": _number,
    "bitrate": _rate,
    "preset": _text,
    "encoder_options": _options,
    "keep_tags": _names,
    "min_margin": _number,
    "signer": _text,
    "signer_chain": _path,
    "registry": _text,
    "require_registry": _switch,
    "seen": _text,
    "max_list_age": _positive,
    "bound_approvals": _switch,
    "max_seconds": _positive,
    "max_memory": _positive,
    "webhook": _text,
    "webhook_secret": _path,
    "hook": _text,
    "uploads": _path,
    "database": _text,
}
