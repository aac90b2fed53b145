"""What cannot be had is replaced by what can, and the page says why."""

from __future__ import annotations

from playwright.sync_api import expect

from .conftest import Open, figures, open_inside, say, wait_answer, wait_ready


def test_without_the_core_numpy_answers(open_page: Open) -> None:
    page = open_page(block=("**/libecho*.so",))
    assert wait_ready(page) == "python_rwkv"
    say(page, "Is my data private?")
    assert wait_answer(page)
    line = figures(page)
    assert "python_rwkv · echo-1m-FP16.bin" in line
    assert "Not rwkv_cpp: wheels/libecho-relaxed.so could not be fetched from this site." in line
    open_inside(page, "Model")
    expect(page.locator("[data-failure=rwkv_cpp]")).to_contain_text("wheels/libecho-relaxed.so")


def test_without_numpy_the_mock_answers_and_says_so(open_page: Open) -> None:
    page = open_page(block=("**/libecho*.so", "**/python/numpy/**"))
    assert wait_ready(page) == "mock"
    say(page, "Is my data private?")
    assert "[mock]" in wait_answer(page)
    line = figures(page)
    assert "mock, not a language model" in line
    assert "Not rwkv_cpp:" in line
    assert "Not python_rwkv:" in line
    assert "could not be fetched from this site." in line
    open_inside(page, "State")
    expect(page.get_by_text("The mock has no state")).to_be_visible()


REFUSED = "() => { throw new DOMException('The operation is insecure.', 'SecurityError'); }"


def test_where_storage_is_refused_the_page_works_and_says_so(open_page: Open) -> None:
    page = open_page(
        script=f"Object.defineProperty(self, 'indexedDB', {{ get: {REFUSED} }});"
        f"StorageManager.prototype.getDirectory = async {REFUSED};"
    )
    assert wait_ready(page) == "rwkv_cpp"
    expect(page.get_by_text("This browser keeps nothing for this page")).to_be_visible()
    say(page, "Is my data private?")
    assert wait_answer(page)


def test_without_simd_the_page_names_browsers_that_have_it(open_page: Open) -> None:
    page = open_page(script="WebAssembly.validate = () => false;", block=("**/libecho*.so",))
    expect(page.get_by_text("This browser has no WebAssembly SIMD")).to_contain_text("Safari from")
    assert wait_ready(page) == "python_rwkv"
    say(page, "Is my data private?")
    assert wait_answer(page)
