"""The organisation's keys: made once, read by every command, rotated now and then.

A keyring is a folder with an index, ``keyring.json``, and one file a key (docs/keys.md).  The index
lists every kind of key newest first, exactly one of each marked ``current``; older ones stay for
verifying.  A verifier needs the index, the watermark keys and the trust anchors only: what else is
missing is reported when it is asked for, not before.

    ring = init_keyring(Path("keys"), "Example Studio")
    rotate(Path("keys"), {"watermark"})
    ring = Keyring.load(Path("keys"))
"""

from provenance.keyring.files import derive_key_id
from provenance.keyring.importing import import_chain, key_holder
from provenance.keyring.listing import KeyInfo, list_keys
from provenance.keyring.making import init_keyring
from provenance.keyring.reading import Keyring, is_keyring
from provenance.keyring.rotating import KINDS, issue, rotate

__all__ = [
    "KINDS",
    "KeyInfo",
    "Keyring",
    "derive_key_id",
    "import_chain",
    "init_keyring",
    "is_keyring",
    "issue",
    "key_holder",
    "list_keys",
    "rotate",
]
