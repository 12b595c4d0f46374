"""Disk use of a workspace, part by part."""

from backend.disk_use import disk_use, freeable


def test_parts_add_up_to_the_whole(tiny_workspace):
    home = tiny_workspace.path
    (home / "retrains" / "models" / "key").mkdir(parents=True)
    (home / "retrains" / "models" / "key" / "weights").write_bytes(b"x" * 1000)
    uses = {each.place.path: each for each in disk_use(tiny_workspace.folder)}
    assert uses["retrains/models"].bytes == 1000 and uses["retrains/models"].files == 1
    files = [each for each in home.rglob("*") if each.is_file()]
    assert sum(each.bytes for each in uses.values()) == sum(each.stat().st_size for each in files)
    assert sum(each.files for each in uses.values()) == len(files)
    assert uses["rows"].state == "current" and uses["tokens"].state is None
    assert "influence" not in uses
    again = sum(each.bytes for each in uses.values() if each.place.path not in ("data", "checkpoints", ""))
    assert freeable(list(uses.values())) == again
    tiny_workspace.folder.record("checkpoints", ("data",), id="other")
    assert {each.place.path: each.state for each in disk_use(tiny_workspace.folder)}["rows"] == "stale"
