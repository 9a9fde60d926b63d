from __future__ import annotations

import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError

from dashprune import compose, config, train_prune_eval
from dashprune.config import choices, conf_dir
from dashprune.errors import DashpruneError
from dashprune.runs.checked import check

NAMES = ["train.epochs", "train.batch_trajectories", "pruner.lambda_1", "pruner.lambda_2", "model.hidden",
         "dataset.noise", "dataset.prior_noise", "seed", "force", "device", "outputs"]  # fmt: skip


def mistake(*overrides: str) -> str:
    with pytest.raises(DashpruneError) as caught:
        check(compose(list(overrides)))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_defaults_are_valid_and_hold_the_promised_names() -> None:
    cfg = compose()
    check(cfg)
    for name in NAMES:
        node = cfg
        for part in name.split("."):
            assert part in node, name
            node = node[part]
    assert (cfg.dataset.network, cfg.dataset.noise, cfg.dataset.prior_noise) == ("generated", 0.025, None)
    assert cfg.pruner.name == "dash"
    assert cfg.solver.name == "etdrk4"


def test_the_datasets_protocol_is_a_default_that_can_be_overridden() -> None:
    assert compose(["train.learning_rate=0.5", "schedule.first=0.2"]).train.learning_rate == 0.5
    assert check(compose(["schedule.first=0.2", "pruner=imp"])).values["pruner"]["schedule"]["first"] == 0.2


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["pruner=imp", "schedule.first=0.5", "seed=3", "hidden=7", "outputs='a b=c'"],
        ["pruner.lambda_1=0.5", "dataset=brca", "pruner=dash", "train.epochs=1e1"],
        ["dataset.times=[0,2,3]", "dataset.validation=null", "train.plateau={patience: 9}", "model.hidden=${seed}"],
        ["++train.steps=1", "pruner=imp", "~train.plateau"],
        ["++train.steps=1", "pruner=imp", "++train.epochs=7", "++bootstrap=2"],
        ["hydra.job.chdir=false", "seed=1"],
        ["train.epochs=1", "train.epochs=2", "protocol=published", "solver=rk4", "grid=coarse"],
    ],
)
def test_what_is_composed_is_what_hydra_composes(overrides: list[str]) -> None:
    """Also the second time, when the files are not read again, and after what was composed has been changed."""
    compose(overrides).seed = 12345
    own, of_hydra = compose(overrides), config._composed(overrides, overrides)
    assert OmegaConf.to_yaml(own) == OmegaConf.to_yaml(of_hydra)
    assert OmegaConf.to_container(own, resolve=True) == OmegaConf.to_container(of_hydra, resolve=True)
    with pytest.raises(ConfigAttributeError):
        own.nothing = 1


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["seed=glob(*)"], "seed=glob(*) has several values; add -m"),
        (["++x={1: a}", "x.1=b"], "x.1=b: this cannot be set"),
        (["++x=${nope}", "x.a=1"], "x.a=1: there is no key 'a' under x"),
        (["hidden=[1,2]", "hidden.x=5"], "hidden=[1,2] hidden.x=5: Hydra cannot put this together (invalid literal"),
        (["hydra=null"], "hydra=null: Hydra cannot put this together (Config group override must be"),
        (["seed=???"], "seed: a value is missing"),
    ],
)
def test_what_hydra_stumbles_over_is_one_line(overrides: list[str], said: str) -> None:
    assert mistake(*overrides).startswith(said)


@pytest.mark.parametrize("model", ["phoenix", "mlp"])
def test_the_dataset_sets_the_width_of_the_model(model: str) -> None:
    for dataset, hidden in (("sim350", 40), ("brca", 60), ("yeast", 120), ("hematopoiesis", 50)):
        assert compose([f"dataset={dataset}", f"model={model}"]).model.hidden == hidden
    assert check(compose(["dataset=yeast", "model=mlp", "model.hidden=[7,8]"])).values["model"]["hidden"] == [7, 8]


@pytest.mark.parametrize("group", ["dataset", "model", "pruner", "solver"])
def test_an_unknown_choice_is_answered_with_the_list_of_choices(group: str) -> None:
    message = mistake(f"{group}=dassh")
    assert message.startswith(f"{group}=dassh: there is no such choice")
    assert ("did you mean 'dash'?" in message) == (group == "pruner")
    for choice in choices(group):
        assert choice in message


def test_a_mistake_that_others_copy_is_named_once() -> None:
    assert mistake("train.epochs=zwei").count("zwei") == 1
    assert mistake("schedule.start=zwei").startswith("schedule.start: 'zwei' is not allowed")


def test_a_misspelt_key_is_answered_with_key_value_and_neighbours() -> None:
    message = mistake("pruner.lamda_1=0.5")
    assert message.startswith("pruner.lamda_1=0.5: there is no key 'lamda_1' under pruner; did you mean 'lambda_1'?")
    assert "lambda_2" in message
    assert "did you mean 'seed'?" in mistake("seeds=1")


@pytest.mark.parametrize("value", ["-0.1", "1.5"])
def test_lambda_outside_its_range(value: str) -> None:
    assert mistake(f"pruner.lambda_1={value}").startswith(f"pruner.lambda_1: {value} is not allowed")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.epochs=many", "train.epochs: 'many' is not allowed; input should be a valid integer"),
        ("train.epochs=null", "train.epochs: None is not allowed"),
        (
            "model.hidden=abc",
            "model.hidden: 'abc' is not allowed; input should be a valid integer, unable to parse string as an integer",
        ),
        ("model.hidden=0", "model.hidden: 0 is not allowed; input should be greater than or equal to 1"),
        ("seed==1", "'seed==1' is not KEY=VALUE as Hydra reads it: extraneous input '='; quote special signs"),
        ("bootstrap=0", "bootstrap: 0 is not allowed; input should be greater than or equal to 1"),
        ("seed=-1", "seed: -1 is not allowed; input should be greater than or equal to 0"),
        ("model.importance=log", "model.importance: 'log' is not allowed; input should be 'abs' or 'exp'"),
        ("dataset.network=real", "dataset.network: 'real' is not allowed; input should be 'generated' or 'published'"),
        ("schedule.first=1", "schedule.first: 1 is not allowed; input should be less than 1"),
        ("train.plateau.factor=2", "train.plateau.factor: 2 is not allowed"),
        ("device=gpu", "device: 'gpu' is not allowed; use auto, cpu, cuda or cuda:N"),
        ("device=cuda:77", "device: cuda:77 is not on this machine"),
        ("solver.method=rk4", "there is no key 'method' under solver; keys there: name, _target_, step"),
        ("schedule=x", "schedule: 'x' is not allowed; set its keys: start, first"),
        ("train=default", "train=default: train has no files to choose from; set its keys: plateau, checkpoint_every"),
        ("outputs=", "outputs: no folder is given; leave it out"),
        ("pruner=3", "pruner=3: nothing is chosen; choose one of bioprune"),
        ("control=prior,null", "control=prior,null: nothing is chosen; choose one of activity"),
        ("solver.step=2", "solver.step: 2 is not allowed; input should be less than or equal to 1"),
        ("+train.plateau.fator=1", "train.plateau.fator: 1 is not allowed"),
        ("~pruner", "pruner: nothing is chosen; choose one with pruner=NAME: bioprune"),
        ("model=null", "model=null: nothing is chosen; choose one of mlp, phoenix"),
        (
            "pruner._target_=dashprune.pruners.dash.Dahs",
            "pruner._target_: dashprune.pruners.dash has no class 'Dahs'",
        ),
        ("+pruner.lambda_3=1", "pruner.lambda_3: there is no such key; did you mean 'lambda_"),
    ],
)
def test_a_wrong_value_is_answered_with_what_is_allowed(override: str, said: str) -> None:
    assert said in mistake(override)


def test_several_mistakes_are_reported_together() -> None:
    message = mistake("pruner.lambda_1=7", "model.hidden=0", "dataset.noise=-1")
    assert all(name in message for name in ("pruner.lambda_1", "model.hidden", "dataset.noise"))


def test_an_override_that_hydra_cannot_read_is_named() -> None:
    assert mistake("seed=[").startswith("'seed=[' is not KEY=VALUE")


def test_the_entry_point_takes_plain_dictionaries_too(small: list[str]) -> None:
    from omegaconf import OmegaConf

    cfg = compose([*small, "train.epochs=2"])
    plain = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(plain, dict)
    assert train_prune_eval(plain) == train_prune_eval(cfg)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", sorted(conf_dir().rglob("*.yaml")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_yaml_opens_with_its_command_and_explains_every_key(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("# @package")]
    command = "reproduce" if path.parent.name == "paper" else "run"
    assert f"dashprune {command}" in "".join(lines[:2])
    explained_block = False  # a comment on `train:` or `schedule:` in a dataset's yaml gives the source of its keys
    for line in lines:
        if re.match(r"\w+:", line):
            explained_block = bool(re.match(r"(train|schedule): #", line))
            if line.startswith(("defaults:", "hydra:")):
                explained_block = True
        key = re.match(r"\s*(\w+): ", line)
        in_words = path.parent.name == "paper"  # whose keys are the words of a table: titles, headings, labels
        if key and key[1] not in ("name", "_target_") and not explained_block and not in_words:
            assert "#" in line, line


def test_conf_lies_beside_the_package_in_a_checkout() -> None:
    assert (conf_dir() / "config.yaml").is_file()
    assert conf_dir() == Path(__file__).parents[1] / "conf" or conf_dir().parent.name == "dashprune"
