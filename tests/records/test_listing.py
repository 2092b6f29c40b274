import json
from pathlib import Path

from pipebench.records import folders, listing, store
from tests.builders import completed_record


def test_a_listing_has_a_line_for_each_record(tmp_path: Path) -> None:
    path = store.write(completed_record(), tmp_path)
    (tmp_path / "z.json").write_bytes(b"{")
    good, bad = json.loads(listing.listing(list(folders.read_all(tmp_path))))
    assert (good["path"], good["id"], good["status"]) == (str(path), completed_record().id, "completed")
    assert (good["gpus"], good["schedule"], good["speedup"]["value"]) == (2, "gpipe", 2.0)
    assert good["softmax_devices"] is None
    assert bad["status"] == "unreadable"
    assert "expected a JSON record" in bad["error"]
