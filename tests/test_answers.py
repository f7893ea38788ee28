"""Answers: their form, the rule by which they are compared, and the feedback on them."""

import re
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import arviz as az
import nbformat
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import multilevel as ml
from bookmaking.grading import feedback, marking, sandbox
from bookmaking.grading.marking import Question, mark, reference_answer
from multilevel import answers
from multilevel.answers import Answer

OVER = ("chain", "draw")


def normal(seed: int, draws: int = 1000, chains: int = 4, size: int = 5) -> np.ndarray:
    """Draw independent quantities with the means 0, 1, 2, … and standard deviation 1."""
    rng = np.random.default_rng(seed)
    return rng.normal(np.arange(size), 1, (chains, draws, size))


def question(right: np.ndarray, **wrong: np.ndarray) -> Question:
    mistakes = {text: Answer("draws", values) for text, values in wrong.items()}
    return Question("q", 1, Answer("draws", right), "Look again.", mistakes=mistakes)


def passes(theirs: np.ndarray, right: np.ndarray) -> bool:
    return mark(Answer("draws", theirs), question(right)).passed


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MULTILEVEL_ANSWERS", str(tmp_path))
    return tmp_path


# The rule -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_right_answers_pass_whatever_their_seed_and_number_of_draws() -> None:
    right = normal(0)
    for seed in range(1, 101):
        draws, chains = [(400, 4), (1000, 4), (5000, 2), (1500, 1)][seed % 4]
        assert passes(normal(seed, draws, chains), right), seed


@pytest.mark.slow
def test_autocorrelated_draws_pass_by_their_effective_number() -> None:
    right = normal(0)
    for seed in range(1, 31):
        noise = normal(seed, 4000) - np.arange(5)
        chain = noise.copy()
        for draw in range(1, chain.shape[1]):
            chain[:, draw] = 0.8 * chain[:, draw - 1] + 0.6 * noise[:, draw]
        assert passes(chain + np.arange(5), right), seed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x + 0.5 * (np.arange(5) == 2), "means differ"),
        (lambda x: (x - np.arange(5)) * 1.3 + np.arange(5), "spread over draws"),
        (lambda x: np.where(np.arange(5) == 1, x[..., [0]] + 1, x), "do not vary as they should"),
        (lambda x: x[:, :50], "cannot be trusted"),
        (lambda x: x + np.arange(4)[:, None, None], "cannot be trusted"),
        (lambda x: x[..., :4], "another number of quantities"),
    ],
)
def test_wrong_draws_are_refused_with_a_reason(change, said: str) -> None:  # type: ignore[no-untyped-def]
    verdict = mark(Answer("draws", change(normal(1))), question(normal(0)))
    assert not verdict.passed
    assert said in verdict.feedback
    # What to look at in the model is no help where the sampler is to blame.
    assert ("Look again." in verdict.feedback) == ("cannot be trusted" not in said)


@pytest.mark.parametrize("correlation", [-0.9, -0.5, 0.5, 0.9])
def test_draws_made_up_from_published_means_and_sds_do_not_pass(correlation: float) -> None:
    def correlated(seed: int) -> np.ndarray:
        noise = np.random.default_rng(seed).normal(size=(4, 1000, 2))
        noise[..., 1] *= np.sqrt(1 - correlation**2)
        noise[..., 1] += correlation * noise[..., 0]
        return noise

    assert passes(correlated(1), correlated(0))
    verdict = mark(Answer("draws", normal(2, size=2) - [0, 1]), question(correlated(0)))
    assert "do not vary as they should" in verdict.feedback


@pytest.mark.slow
def test_the_judge_sees_what_the_readme_says_that_it_sees() -> None:
    """Half of the answers that are off by so much are refused: see "How far off may it be"."""
    readme = (Path(marking.__file__).parent / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\d,]+) \| ([\d.]+) \| (\d+) % \|$", readme, re.MULTILINE)
    assert len(rows) == 3
    right = normal(0, size=2)
    for draws, mean, sd in rows:
        size = int(draws.replace(",", "")) // 4
        for by in (0.7, 1.3):
            refused = [
                np.mean(
                    [not passes(change(normal(seed, size, size=2)), right) for seed in range(40)]
                )
                for change in (
                    lambda x: x + by * float(mean) * (np.arange(2) == 1),  # noqa: B023
                    lambda x: (x - [0, 1]) * (1 + by * float(sd) / 100) + [0, 1],  # noqa: B023
                )
            ]
            assert all(share < 0.4 for share in refused) if by < 1 else min(refused) > 0.6, refused


@pytest.mark.parametrize("value", [1e6, 1e200, 1e308])
def test_an_outlier_excuses_nothing(value: float) -> None:
    noise = np.random.default_rng(1).normal(0, 1, (4, 1000, 5))
    noise[0, 0] = value
    assert not passes(noise, normal(0))


def test_draws_of_no_chain_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "q.npz", draws=np.zeros((0, 1000, 5)))
    with pytest.raises(ValueError, match="does not contain an answer"):
        answers.load(tmp_path / "q.npz")
    with pytest.raises(ValueError, match="too few"):
        ml.hand_in("q", np.zeros((0, 1000, 5)), draws=(5,))
    assert not passes(np.zeros((0, 1000, 5)), normal(0))


def test_constants_are_compared_exactly() -> None:
    right = normal(0)
    right[..., 0] = 16
    theirs = normal(1)
    theirs[..., 0] = 16
    assert passes(theirs, right)
    theirs[..., 0] = 15
    assert not passes(theirs, right)


def test_a_known_mistake_is_named_instead_of_the_hint() -> None:
    asked = question(normal(0), **{"These are twice as large.": 2 * normal(3)})
    verdict = mark(Answer("draws", 2 * normal(1)), asked)
    assert verdict.feedback == "These are twice as large."


def test_feedback_never_holds_a_number_of_the_right_answer() -> None:
    right = normal(0) * 123.456
    verdict = mark(Answer("draws", normal(1)), question(right))
    assert not any(f"{m:.1f}" in verdict.feedback for m in right.mean((0, 1))[1:])


def test_numbers_and_choices() -> None:
    number = Question("n", 1, Answer("number", np.array(10.0)), "Look.", within=0.5)
    assert mark(Answer("number", np.array(10.4)), number).passed
    assert not mark(Answer("number", np.array(10.6)), number).passed
    choice = Question("c", 1, Answer("choice", np.array("both")), "Look.")
    assert mark(Answer("choice", np.array("both")), choice).passed
    assert not mark(Answer("choice", np.array("neither")), choice).passed
    assert not mark(Answer("choice", np.array("10")), number).passed
    assert mark(None, number).feedback == "n: nothing handed in yet."


# The form -----------------------------------------------------------------------------------------


def test_draws_may_come_as_arrays_names_or_with_their_dims_anywhere(folder: Path) -> None:
    array = normal(0, size=2)
    labelled = xr.DataArray(array, dims=(*OVER, "q"))
    for value, draws in [
        (array, (2,)),
        (labelled.transpose("q", "draw", "chain"), (2,)),
        ({"a": labelled[..., 0], "b": array[..., 1]}, ["a", "b"]),
    ]:
        ml.hand_in("q", value, draws=draws)  # type: ignore[arg-type]
        assert np.array_equal(answers.load(folder / "q.npz").value, array)


@pytest.mark.parametrize(
    ("value", "options", "said"),
    [
        (np.zeros((4, 100, 3)), {"draws": (2,)}, r"shape \(chain, draw, 2\)"),
        (np.zeros((4, 2, 2)), {"draws": (2,)}, "too few"),
        ({"a": np.zeros((4, 9))}, {"draws": ["a", "b"]}, "missing: 'b'"),
        (np.zeros((4, 9)), {"draws": ["a"]}, "missing: 'a'"),
        ({"a": np.zeros((4, 9)), "b": np.zeros((4, 8))}, {"draws": ["a", "b"]}, "equally many"),
        (xr.DataArray(np.zeros((4, 9))), {"draws": ()}, "dims chain and draw"),
        ("abc", {"draws": ()}, "array of draws"),
        (np.full((4, 9), np.nan), {"draws": ()}, "finite"),
        (np.full((4, 9, 7), 0.2), {"draws": (7,), "probabilities": True}, "add up to one"),
        (np.zeros(3), {}, "one number"),
        ("abc", {}, "one number"),
        (np.inf, {}, "finite"),
        ("c", {"choices": ["a", "b"]}, "one of 'a', 'b'; it is 'c'"),
    ],
)
def test_a_wrong_form_is_named(
    value: object, options: dict[str, object], said: str, folder: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        ml.hand_in("q", value, **options)  # type: ignore[arg-type]
    assert not list(folder.iterdir())


CHAINS = np.random.default_rng(1).normal(size=(4, 300, 2))
DRAWS = xr.DataArray(CHAINS[..., 0], dims=OVER)
SAMPLE = az.extract(xr.Dataset({"x": DRAWS}))
FRAME = pd.DataFrame(CHAINS.reshape(-1, 2), columns=["a", "b"])


@pytest.mark.parametrize(
    ("value", "options", "advice"),
    [
        (FRAME["a"], {"draws": ()}, "value.to_numpy().reshape(4, -1)"),
        (FRAME["a"].to_numpy(), {"draws": ()}, "value.reshape(4, -1)"),
        (FRAME.to_numpy(), {"draws": (2,)}, "value.reshape(4, -1, 2)"),
        (FRAME, {"draws": ["a", "b"]}, "value.to_numpy().reshape(4, -1)"),
        (FRAME, {"draws": (2,)}, "value['NAME'].to_numpy().reshape(4, -1)"),
        (CHAINS[..., 0].T, {"draws": ()}, "value.swapaxes(0, 1)"),
        (CHAINS.swapaxes(0, 1), {"draws": (2,)}, "value.swapaxes(0, 1)"),
        (SAMPLE, {"draws": ()}, "value.unstack('sample')"),
        (DRAWS.rename(chain="Chain", draw="Draw"), {"draws": ()}, "value.rename("),
    ],
)
def test_the_advice_on_draws_of_another_form_is_given_and_right(
    value: Any, options: dict[str, Any], advice: str, folder: Path
) -> None:
    with pytest.raises(ValueError, match="q") as refusal:
        ml.hand_in("q", value, **options)
    said = re.sub(r"(draws|frame)(?=[.\[])", "value", str(refusal.value)).replace(" .", " value.")
    if ".rename(" in advice:
        advice += "{'Chain': 'chain', 'Draw': 'draw'})"
    assert advice in said
    if isinstance(value, pd.DataFrame):
        advice = advice.removeprefix("value['NAME']").removeprefix("value")
        changed = {name: eval(f"value{advice}", {"value": value[name]}) for name in value}
        options = {"draws": ["a", "b"]}
    else:
        changed = eval(advice, {"value": value})
    ml.hand_in("q", changed, **options)
    expected = CHAINS if answers.load(folder / "q.npz").value.shape[-1] == 2 else CHAINS[..., [0]]
    assert np.array_equal(answers.load(folder / "q.npz").value, expected)


def test_handing_in_says_whether_there_are_enough_draws(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    ml.hand_in("q", normal(0), draws=(5,))
    said = capsys.readouterr().out
    assert " ".join(said.split()).endswith("right; grading checks the answer itself.")
    assert max(map(len, said.splitlines())) <= 72
    ml.hand_in("q", normal(0)[:, :100], draws=(5,))
    said = capsys.readouterr().out
    assert "would not be graded" in " ".join(said.split())
    assert max(map(len, said.splitlines())) <= 72
    assert "at least 1000" in " ".join(said.split())
    ml.hand_in("q", normal(0) * 1e200, draws=(5,))
    assert "beyond 1e+100" in capsys.readouterr().out


def test_nothing_is_handed_in_without_an_error(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    ml.hand_in("q", None, draws=(3,))
    assert capsys.readouterr().out == "q: nothing handed in yet.\n"
    assert not list(folder.iterdir())


# What an author calls -----------------------------------------------------------------------------


def test_a_check_is_kept_with_its_mistakes(folder: Path) -> None:
    ml.hand_in("q", normal(0), draws=(5,))
    reference_answer("q", points=3, hint="Look.", mistakes={"Doubled.": 2 * normal(2)})
    kept = marking.load_question("q", folder)
    assert (kept.points, kept.hint, list(kept.mistakes)) == (3, "Look.", ["Doubled."])
    assert np.array_equal(kept.answer.value, normal(0))
    assert np.array_equal(kept.mistakes["Doubled."].value, 2 * normal(2))


def test_a_check_that_a_mistake_would_pass_fails() -> None:
    ml.hand_in("q", normal(0), draws=(5,))
    with pytest.raises(AssertionError, match=r"this mistake would pass: Other seed\."):
        reference_answer("q", points=1, hint="Look.", mistakes={"Other seed.": normal(1)})


def test_a_solution_that_did_not_converge_does_not_pass() -> None:
    ml.hand_in("q", normal(0)[:, :20], draws=(5,))
    with pytest.raises(AssertionError, match="solution's answer does not pass"):
        reference_answer("q", points=1, hint="Look.")


# Variants -----------------------------------------------------------------------------------------


def test_an_id_gives_the_same_numbers_everywhere_and_another_id_others() -> None:
    first = ml.variant("demo").integers(1000, size=3).tolist()
    assert first == ml.variant(" DEMO ").integers(1000, size=3).tolist()
    assert first != ml.variant("other").integers(1000, size=3).tolist()


def test_an_empty_id_is_refused() -> None:
    with pytest.raises(ValueError, match="STUDENT is empty"):
        ml.variant("  ")


# Files --------------------------------------------------------------------------------------------


def test_a_file_that_could_execute_code_is_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "q.npz", draws=np.array([object()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"allow_pickle|does not contain"):
        answers.load(tmp_path / "q.npz")


@pytest.mark.parametrize(
    "arrays",
    [
        {"draws": np.zeros((4, 9))},
        {"draws": np.full((4, 9, 2), np.nan)},
        {"number": np.zeros(2)},
        {"choice": np.zeros(1)},
        {"other": np.zeros(1)},
    ],
)
def test_a_file_that_is_no_answer_is_refused(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    np.savez(tmp_path / "q.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"q\.npz does not contain an answer"):
        answers.load(tmp_path / "q.npz")


@pytest.mark.parametrize("kind", ["i1", "f8", "U9999"])
def test_an_answer_that_unpacks_to_too_much_is_refused_before_it_does(
    kind: str, tmp_path: Path
) -> None:
    """As int8, 64 million numbers take 62 kB in the file, and half a gigabyte as numbers."""
    marking.save_question(question(normal(0)), tmp_path)
    shape = (4, 8_000_000, 2)
    header = {"descr": np.dtype(kind).str, "fortran_order": False, "shape": shape}
    with (
        zipfile.ZipFile(tmp_path / "q.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("draws.npy", "w") as file,
    ):
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(64_000_000))
    tracemalloc.start()
    try:
        verdict = marking.verdict_on("q", tmp_path, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
    assert verdict.feedback == "q: what was handed in cannot be read. Hand in by ml.hand_in."


# Between the sandbox and the gradebook ------------------------------------------------------------


def test_an_answer_is_written_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    folder.mkdir()
    names = ["q", "../q", str(tmp_path / "p"), "a b", "q\n", "not there"]
    files = {f"{name}.npz": b"content" for name in names[:-1]}
    sandbox.Result([], files, None).save_answers(names, folder)
    assert [path.name for path in tmp_path.rglob("*.npz")] == ["q.npz"]


def submitted(*outputs: list[nbformat.NotebookNode]) -> nbformat.NotebookNode:
    """Make a notebook with an ordinary cell, and one that hands in for each other output."""
    cells = [nbformat.v4.new_code_cell("x = y\n", outputs=list(output)) for output in outputs]
    for number, cell in enumerate(cells[1:]):
        cell.metadata["nbgrader"] = {"grade": True, "grade_id": f"q{number}"}
    return nbformat.v4.new_notebook(cells=cells)


def test_feedback_names_the_reasons_of_what_does_not_count_and_no_others() -> None:
    error = nbformat.v4.new_output("error", ename="NameError", evalue="no q0")
    printed = nbformat.v4.new_output("stream", text="Right.")
    notebook = submitted([error], [printed], [error])
    verdicts = {"q0": {"passed": True, "feedback": "Right."}}
    verdicts["q1"] = {"passed": False, "feedback": "q1: off."}
    feedback.write_feedback(notebook, verdicts, "Ada ", claimed="bob", problem="Too slow.")
    right, wrong = (cell.outputs for cell in notebook.cells[1:])
    assert [(output.output_type, output.text) for output in right] == [("stream", "Right.\n")]
    assert [output.output_type for output in wrong] == ["error"]
    assert wrong[0].evalue == (
        "q1: off. NameError: no q0 Too slow. This was worked out for the id 'bob', and you are "
        "'Ada ': put your own id into STUDENT and run the notebook again. The first error is in "
        "the cell that begins “x = y”: NameError: no q0"
    )
    feedback.write_feedback(submitted([], []), verdicts, "Ada ", claimed="ada")


def test_outputs_hold_nothing_that_a_browser_would_execute() -> None:
    shown = {"text/html": "<script>", "text/plain": "a table", "image/svg+xml": "<svg>"}
    output = {"output_type": "display_data", "data": shown, "metadata": {"a": "<script>"}}
    forged = ["text", {}, {"output_type": "code_cell"}, output | {"output_type": "error"}]
    notebook = submitted([])
    feedback.write_outputs(notebook, [[output, *forged]])
    kept = output | {"data": {"text/plain": "a table"}, "metadata": {}}
    assert notebook.cells[0].outputs == [kept]
