"""Over HTTP a category that is only the best guess at arrival says so."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from categoriser import Library
from categoriser.catalog.tables import micros
from tests.api.conftest import serving
from tests.whole import picture


def test_an_upload_an_image_and_why_say_that_a_category_is_tentative_until_a_run(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="classic") as library, serving(library) as client:
        url = "/v1/collections/a/images"
        for seed in range(8):
            first = client.post(url, files={"file": ("a.png", picture(seed))}).json()
            assert first["tentative"] is False
        collection = library.collection("a")
        with library.storage.states.writing(collection.row.id) as state:  # as filing leaves it
            state.grouping.micros.tentative[:] = True
            with library.storage.database.write() as connection:
                connection.execute(sa.update(micros).values(tentative=True))
        again = client.post(url, files={"file": ("a.png", picture(7))}).json()
        assert (again["known"], again["tentative"]) == (True, True)
        assert client.get(f"{url}/{first['image_id']}").json()["tentative"] is True
        assert client.get(f"{url}/{first['image_id']}/why").json()["tentative"] is True
        report = client.post("/v1/collections/a/runs").json()
        assert report["reconsidered"] == 0
        assert client.get(f"{url}/{first['image_id']}").json()["tentative"] is False
        assert client.get(f"{url}/{first['image_id']}/why").json()["tentative"] is False
