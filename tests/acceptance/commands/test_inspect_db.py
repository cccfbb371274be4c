"""`inspect-db` on a schema that others have made, on every vendor: the models work, and `migrate` finds no difference."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.commands.forks import Done, Forks
from tests.acceptance.commands.runner import VIPERCTL, python
from tests.integration.db.inspection.legacy import EXACT, TYPES, schema, typed_table
from tests.projects import settings, write
from tests.servers import VENDORS, fresh_database, run_on_server

READ_ALL = (
    "from openviper.db.models import model_registry\n"
    "for model in model_registry.for_app('site_'):\n"
    "    rows = await model.objects.all()\n"
    "    print(model.__name__, len(rows))\n"
)


class Legacy:
    """A project beside a database with the schema of others; its models are what `inspect-db` printed."""

    def __init__(self, forks: Forks, directory: Path, vendor: str) -> None:
        self._forks = forks
        self.directory = directory
        self.vendor = vendor
        self.models = ""

    def run(self, *words: str, code: int = 0) -> Done:
        """Run a command."""
        done = self._forks.run("viperctl.py", self.directory, *words)
        assert done.returncode == code, done
        assert "Traceback" not in done.stderr
        return done

    def model(self, table: str) -> str:
        """Return the class of a table, with the remarks above it."""
        for part in re.split(r"\n\n\n", self.models):
            if f'table_name = "{table}"' in part:
                return part
        raise AssertionError(f"no model of {table}")


@pytest.fixture(scope="module")
def every(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Legacy]]:
    """The projects by vendor."""
    projects: dict[str, Legacy] = {}
    contexts = []
    for vendor in VENDORS:
        folder = tmp_path_factory.mktemp(vendor)
        if vendor == "sqlite":
            url = f"sqlite:///{folder}/legacy.sqlite3"
            connection = sqlite3.connect(folder / "legacy.sqlite3", isolation_level=None)
            for statement in schema(vendor):
                connection.execute(statement)
            connection.close()
        else:
            context = fresh_database(vendor)
            url = context.__enter__()
            contexts.append(context)
            run_on_server(vendor, *schema(vendor), database=url.rpartition("/")[2])
        files = {
            "viperctl.py": VIPERCTL,
            "site_/__init__.py": "",
            "site_/settings.py": settings("site_"),
            "site_/models.py": "",
            ".env": f"OPENVIPER_DATABASE_URL='{url}'\n",
        }
        project = Legacy(forks, write(folder / "project", files), vendor)
        project.models = project.run("inspect-db").stdout
        (project.directory / "site_/models.py").write_text(project.models)
        projects[vendor] = project
    yield projects
    for context in contexts:
        context.__exit__(None, None, None)


@pytest.fixture(params=VENDORS)
def legacy(request: pytest.FixtureRequest, every: dict[str, Legacy]) -> Legacy:
    """The project of each vendor."""
    return every[request.param]


def test_migrate_finds_no_difference(legacy: Legacy) -> None:
    legacy.run("makemigrations")
    assert "No changes detected." in legacy.run("makemigrations", "--check").stdout
    plan = legacy.run("migrate", "--plan")
    assert plan.stdout == "No schema changes to apply.\n", plan
    assert len(list((legacy.directory / "site_/schemas").iterdir())) > 25


def test_every_model_reads_its_table(legacy: Legacy) -> None:
    printed = legacy.run("console", "--no-models", "-c", "import site_.models\n" + READ_ALL).stdout
    assert len(printed.splitlines()) == legacy.models.count("(Model):") > 45


def test_the_models_pass_the_strict_type_checker(every: dict[str, Legacy], tmp_path: Path) -> None:
    files = []
    for vendor, legacy in every.items():
        file = tmp_path / f"{vendor}_models.py"
        file.write_text(legacy.models)
        files.append(str(file))
    cache = {"MYPY_CACHE_DIR": str(tmp_path.parent / "mypy-cache")}
    done = python(tmp_path, "-m", "mypy", "--strict", *files, **cache)
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_that_models_have_are_exact_and_others_are_named(legacy: Legacy) -> None:
    for number, name in enumerate(TYPES[legacy.vendor]):
        model = legacy.model(typed_table(number))
        is_exact = "managed = False" not in model
        assert is_exact is (name in EXACT[legacy.vendor]), (name, model)
        assert is_exact or re.search("# Column value is of the type .*", model), model
        assert re.search(r"\n    value = .*null=True", model), model
        assert not re.search(r"\n    needed = .*null=True", model), model


def test_keys_of_every_kind(legacy: Legacy) -> None:
    assert "id = BigIntegerField(primary_key=True)" in legacy.model("key_bigint")
    assert "code = CharField(max_length=9, primary_key=True)" in legacy.model("key_text")
    of_two = legacy.model("key_of_two")
    assert "# The primary key is (a, b), and that of a model is one column." in of_two
    assert "read_only = True" in of_two
    assert "read_only = True" in legacy.model("key_none")
    other = legacy.model("key_other")
    # MariaDB makes such a column the key by itself.
    assert legacy.vendor == "mysql" or "# Rows are told apart by b, which is unique." in other
    assert "b = IntegerField(primary_key=True" in other and "read_only" not in other
    auto = "AutoField()" if legacy.vendor == "sqlite" else "BigAutoField()"
    assert f"id = {auto}" in legacy.model("key_identity")


def test_references_of_every_kind(legacy: Legacy) -> None:
    visit = re.sub(r"\s+", " ", legacy.model("visit"))
    assert re.search(r"host = ForeignKey\( ?Person[^)]*\) host_id: int ", visit)
    assert re.search(r'guest = ForeignKey\( ?Person, on_delete="SET NULL", null=True', visit)
    assert "db_column='guest'" in visit and "guest_id: int | None" in visit
    assert re.search(r'code = ForeignKey\( ?KeyText, on_delete="RESTRICT"', visit)
    assert "# ON UPDATE CASCADE of (code) is not stated." in visit
    assert 'parent = ForeignKey("self"' in legacy.model("tree")
    assert re.search(r'ForeignKey\("(Egg|Hen)"', legacy.models) and re.search(
        r"ForeignKey\((Egg|Hen),", legacy.models
    )
    # On MariaDB the index has a name of its own, which only a constraint can state.
    cls = "ForeignKey" if legacy.vendor == "mysql" else "OneToOneField"
    assert f"person = {cls}(Person, null=True" in legacy.model("seat")
    assert re.search(r"person = ForeignKey\(Person, primary_key=True", legacy.model("profile"))
    assert "refers to person by another column than its primary key" in legacy.model("letter")
    assert "(a, b) to key_of_two (a, b)" in legacy.model("of_two")


def test_indexes_constraints_and_values_of_the_database(legacy: Legacy) -> None:
    indexed = legacy.model("indexed")
    assert "name='by_a'" in indexed and "b = IntegerField(null=True, db_index=True)" in indexed
    assert "UniqueConstraint(fields=['d'], name='only_d')" in indexed
    assert "fields=['d', '-e']" in indexed
    assert re.search(r"CheckConstraint\(name='c_is_long', check=.*c.* > 2", indexed)
    if legacy.vendor != "mysql":
        assert re.search("name='only_open', condition='.*d = 1", indexed)
        assert re.search(r"Index\(expressions=\['lower\(.*c.*'\], name='by_lower'", indexed)
    defaulted = legacy.model("defaulted")
    assert re.search(r"a = IntegerField\((default=5|db_default=SQL\('5'\))\)", defaulted)
    assert re.search(r"c = DateTimeField\(null=False, db_default=SQL", defaulted)
    assert re.search(r"gross = IntegerField\(null=True, generated=SQL", legacy.model("worked_out"))


def test_odd_names(legacy: Legacy) -> None:
    assert "select = IntegerField(null=True)" in legacy.model("order")
    odd = legacy.model("odd_columns")
    assert "class_field = IntegerField(null=True, db_column='class')" in odd
    assert "save_field = " in odd and "pk_field = " in odd and "objects_field = " in odd
    assert "# Column 'a b' has a name that no field can have; it is left out." in odd
    assert "read_only" not in odd and "read_only = True" in legacy.model("odd_needed")
    assert "# Table 'two words' has a name that no model can have" in legacy.models
    assert "# View 'people' is left out." in legacy.models
    assert (
        "class ModelRow(Model):" in legacy.models and "class CharFieldRow(Model):" in legacy.models
    )
    assert "class Person(Model):" in legacy.model("person")
    assert "class Person2(Model):" in legacy.model("Person_")


def test_some_tables_only(legacy: Legacy) -> None:
    text = legacy.run("inspect-db", "visit", "person").stdout
    assert text.count("(Model):") == 2
    assert "# Column code refers to table key_text, which is not described here." in text
    message = legacy.run("inspect-db", "visits", code=1).stderr
    assert message == "Error: database 'default' has no table 'visits'; did you mean 'visit'?\n"


def test_what_others_call_the_command_is_answered(legacy: Legacy) -> None:
    for name, meant in {
        "inspectdb": "inspect-db",
        "dumpdata": "dump-data",
        "load_data_": "load-data",
    }.items():
        assert f"did you mean {meant!r}?" in legacy.run(name, code=1).stderr
