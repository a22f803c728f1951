"""Settings: flags, then variables, then the file, then defaults."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from provenance.cli import config
from provenance.cli.config import Settings, load
from provenance.errors import UsageError
from provenance.results import Verdict


def write(folder: Path, text: str) -> Path:
    file = folder / config.FILE_NAME
    file.write_text(text, encoding="utf-8")
    return file


def test_with_nothing_given_the_defaults_hold(tmp_path: Path) -> None:
    assert load({}, {}, tmp_path) == Settings()


def test_a_flag_beats_a_variable_and_a_variable_beats_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, 'profile = "faint"\npreset = "slow"\ncodec = "hevc"\n')
    environ = {"PROVENANCE_PROFILE": "standard", "PROVENANCE_PRESET": "fast"}
    chosen = load({"profile": "strong", "preset": None}, environ, tmp_path)
    assert (chosen.profile, chosen.preset, chosen.codec) == ("strong", "fast", "hevc")
    assert chosen.source == file


def test_a_crf_flag_also_beats_a_bit_rate_in_the_file(tmp_path: Path) -> None:
    write(tmp_path, 'bitrate = "2M"\n')
    chosen = load({"crf": 20.0}, {}, tmp_path)
    assert (chosen.crf, chosen.bitrate) == (20.0, None)


def test_crf_and_bit_rate_in_one_place_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        load({"crf": 20.0, "bitrate": "2M"}, {}, tmp_path)


def test_every_setting_can_come_from_the_file_and_paths_start_there(tmp_path: Path) -> None:
    write(
        tmp_path,
        """
        keys = "my-keys"
        trust = ["a.pem", "/b.pem"]
        trust_tsa = "c.pem"
        accept = ["CONFIRMED", "WATERMARK_MATCH"]
        profile = "strong"
        provider = "Studio"
        digital_source_type = "compositeSynthetic"
        tsa = "http://tsa.example"
        codec = "hevc"
        crf = 20
        preset = "slow"
        [encoder_options]
        tune = "film"
        bf = 3
        """,
    )
    chosen = load({}, {}, tmp_path)
    assert chosen.keys == tmp_path / "my-keys"
    assert chosen.trust == (tmp_path / "a.pem", Path("/b.pem"))
    assert chosen.trust_tsa == (tmp_path / "c.pem",)
    assert chosen.accept == (Verdict.CONFIRMED, Verdict.WATERMARK_MATCH)
    assert chosen.encoder_options == (("tune", "film"), ("bf", "3"))
    assert chosen.crf == 20.0


def test_every_setting_can_come_from_a_variable(tmp_path: Path) -> None:
    environ = {
        "PROVENANCE_KEYS": "k",
        "PROVENANCE_TRUST": f"a.pem{os.pathsep}b.pem",
        "PROVENANCE_ACCEPT": "confirmed, partial",
        "PROVENANCE_CRF": "21.5",
        "PROVENANCE_ENCODER_OPTIONS": "tune=film,bf=3",
        "PROVENANCE_UNRELATED": "ignored",
    }
    chosen = load({}, environ, tmp_path)
    assert chosen.keys == Path("k")
    assert chosen.trust == (Path("a.pem"), Path("b.pem"))
    assert chosen.accept == (Verdict.CONFIRMED, Verdict.PARTIAL)
    assert chosen.crf == 21.5
    assert chosen.encoder_options == (("tune", "film"), ("bf", "3"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('strenght = "strong"', "'strenght'"),
        ('crf = "20"', "crf in"),
        ("crf = true", "crf in"),
        ("profile = 3", "profile in"),
        ('accept = "REAL"', "'REAL'"),
        ("trust = [1]", "trust in"),
        ("keys = ''", "keys in"),
        ("[keys]", "keys in"),
        ("= 3", "not valid TOML"),
    ],
)
def test_a_mistake_in_the_file_is_an_error_that_names_it(
    tmp_path: Path, text: str, named: str
) -> None:
    write(tmp_path, text)
    with pytest.raises(UsageError, match=named) as caught:
        load({}, {}, tmp_path)
    assert config.FILE_NAME in str(caught.value)


def test_a_mistake_in_a_variable_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="PROVENANCE_CRF should be a number"):
        load({}, {"PROVENANCE_CRF": "high"}, tmp_path)


def test_another_file_can_be_named_and_must_then_exist(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    with pytest.raises(UsageError, match=r"other\.toml cannot be read"):
        load({}, {"PROVENANCE_CONFIG": str(other)}, tmp_path)
    other.write_text('profile = "faint"', encoding="utf-8")
    assert load({}, {"PROVENANCE_CONFIG": str(other)}, tmp_path).profile == "faint"


def test_the_environment_is_read_by_the_command_line_alone() -> None:
    package = Path(config.__file__).parents[1]
    readers = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        if re.search(r"os\.environ(?!\.setdefault)|getenv", file.read_text(encoding="utf-8"))
    }
    assert all(name.startswith("cli/") for name in readers), readers


BRANDS = """
codec = "hevc"
provider = "Everybody"
registry = "common.db"

[brand.acme]
keys = "keys/acme"
registry = "acme.db"
profile = "strong"

[brand.beta]
keys = "keys/beta"
provider = "Beta"
"""


def test_a_brand_has_its_own_settings_before_those_that_are_everybodys(tmp_path: Path) -> None:
    write(tmp_path, BRANDS)
    acme = load({"brand": "acme"}, {"PROVENANCE_PROFILE": "faint"}, tmp_path)
    assert (acme.brand, acme.keys) == ("acme", tmp_path / "keys/acme")
    assert (acme.registry, acme.codec, acme.profile) == ("acme.db", "hevc", "faint")
    beta = load({}, {"PROVENANCE_BRAND": "beta"}, tmp_path)
    assert (beta.keys, beta.registry) == (tmp_path / "keys/beta", "common.db")
    assert load({"brand": "acme"}, {"PROVENANCE_BRAND": "beta"}, tmp_path).brand == "acme"


def test_a_brand_takes_over_nothing_that_says_who_stamps(tmp_path: Path) -> None:
    common = 'keys = "keys"\nsigner = "file:key.pem"\nsigner_chain = "chain.pem"\n'
    write(tmp_path, common + BRANDS)
    acme = load({"brand": "acme"}, {}, tmp_path)
    assert (acme.keys, acme.provider) == (tmp_path / "keys/acme", None)
    assert (acme.signer, acme.signer_chain) == (None, None)
    assert load({"brand": "beta"}, {}, tmp_path).provider == "Beta"
    assert load({}, {}, tmp_path).signer == "file:key.pem"


@pytest.mark.parametrize(
    ("flags", "environ"),
    [
        ({"keys": Path("keys/beta")}, {}),
        ({}, {"PROVENANCE_KEYS": "keys/beta"}),
        ({"registry": "common.db"}, {}),
        ({}, {"PROVENANCE_REGISTRY": "common.db"}),
        ({"signer": "awskms:alias/beta"}, {}),
        ({"provider": "Beta"}, {}),
        ({}, {"PROVENANCE_SIGNER_CHAIN": "beta.pem"}),
    ],
)
def test_nothing_has_a_brand_stamp_with_the_keys_or_into_the_registry_of_another(
    tmp_path: Path, flags: dict[str, object], environ: dict[str, str]
) -> None:
    write(tmp_path, BRANDS)
    with pytest.raises(UsageError, match="than the settings of brand 'acme'; leave one"):
        load(flags | {"brand": "acme"}, environ, tmp_path)


def test_saying_of_a_brand_what_its_settings_say_is_no_contradiction(tmp_path: Path) -> None:
    write(tmp_path, BRANDS)
    same = {"brand": "acme", "keys": tmp_path / "keys/../keys/acme", "registry": "acme.db"}
    assert load(same, {}, tmp_path).brand == "acme"
    url = "postgresql://beta:secret@db/stamps"  # with a password: it belongs into no file
    write(tmp_path, BRANDS.replace('registry = "common.db"', ""))
    assert load({"brand": "beta"}, {"PROVENANCE_REGISTRY": url}, tmp_path).registry == url


def test_a_brand_that_is_unknown_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no settings file"):
        load({"brand": "acme"}, {}, tmp_path)
    write(tmp_path, BRANDS)
    with pytest.raises(UsageError, match=r"no brand 'gamma': .* has the brands acme, beta; name"):
        load({"brand": "gamma"}, {}, tmp_path)


def test_a_file_with_brands_wants_one_named_unless_keys_are(tmp_path: Path) -> None:
    write(tmp_path, BRANDS)
    with pytest.raises(UsageError, match="has settings of the brands acme, beta, and no keys"):
        load({}, {}, tmp_path)
    assert load({"keys": Path("keys/own")}, {}, tmp_path).keys == Path("keys/own")


def test_a_command_that_needs_no_keys_wants_a_brand_only_to_know_the_registry(
    tmp_path: Path,
) -> None:
    write(tmp_path, BRANDS)
    assert load({"registry": None}, {}, tmp_path).registry == "common.db"
    write(tmp_path, BRANDS.replace('registry = "common.db"', ""))
    assert load({"registry": "acme.db"}, {}, tmp_path).registry == "acme.db"
    with pytest.raises(UsageError, match="the brands acme, beta, and no registry"):
        load({"registry": None}, {}, tmp_path)
    with pytest.raises(UsageError, match="and no keys"):
        load({"registry": "acme.db", "keys": None}, {}, tmp_path)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[brand.acme]\nprofile = "strong"', "names no keys"),
        ('[brand.acme]\nkeys = "k"\n[brand.beta]\nkyes = "k"', "'brand.beta.kyes'"),
        ('[brand.acme]\nkeys = "k"\ncrf = "20"', "brand.acme.crf in"),
        ('brand = "acme"', "brands are tables"),
        ('[brand]\nkeys = "k"', "brands are tables"),
    ],
)
def test_a_mistake_in_a_brand_is_an_error_that_names_it(
    tmp_path: Path, text: str, named: str
) -> None:
    write(tmp_path, text)
    with pytest.raises(UsageError, match=re.escape(named)) as caught:
        load({"brand": "acme"}, {}, tmp_path)
    assert config.FILE_NAME in str(caught.value)
