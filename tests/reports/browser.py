"""A headless Chromium in which tests open pages."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
REASON = "needs a browser: apt-get install chromium chromium-driver"


@contextmanager
def opened(page: Path, width: int = 1600, height: int = 1000, dark: bool = False) -> Iterator[webdriver.Chrome]:
    """A page in a window of a size, once its script is done; `seconds` of the driver says how long that took."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    try:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        driver.execute_cdp_cmd("Network.enable", {})
        nothing = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        driver.execute_cdp_cmd("Network.emulateNetworkConditions", nothing)
        begun = time.monotonic()
        driver.get(page.resolve().as_uri())
        wait(driver, "return document.documentElement.dataset.ready === 'yes'")
        driver.seconds = time.monotonic() - begun
        yield driver
    finally:
        driver.quit()


def wait(driver: webdriver.Chrome, question: str, seconds: float = 30) -> None:
    """Until a script's answer is true."""
    until = time.monotonic() + seconds
    while not driver.execute_script(question):
        assert time.monotonic() < until, f"never true: {question}"
        time.sleep(0.05)


def complaints(driver: webdriver.Chrome) -> list[str]:
    """What the console has, but for information."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] not in ("INFO", "DEBUG")]


def data(driver: webdriver.Chrome, name: str) -> dict[str, Any]:
    """Columns of a source of the page's charts."""
    script = """const found = Bokeh.documents[0].get_model_by_name(arguments[0]).data;
        return Object.fromEntries(Object.entries(found).map(([key, values]) => [key, Array.from(values)]));"""
    return driver.execute_script(script, name)


def typed(driver: webdriver.Chrome, field: str, text: str) -> None:
    """Put a text into a field in place of what is there."""
    element = driver.find_element("id", field)
    element.clear()
    driver.execute_script("arguments[0].dispatchEvent(new Event('input'))", element)
    element.send_keys(text)
