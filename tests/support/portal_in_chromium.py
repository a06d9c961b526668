"""Walks the public verification page in a real browser and tells what it saw, as JSON.

Usage: portal_in_chromium.py URL PLAN.json

The plan names files and values to verify and a folder for pictures of the page. Every page is checked for what people who
cannot see colours, use no mouse or hear the page need; whatever breaks the page's own policy, is complained of on the console
or leaves its origin is told. The browser keeps nothing: its profile is a folder that goes with it.
"""

import base64
import json
import sys
import tempfile
import urllib.parse

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 30
STEPS = 40

WATCH = """
window.__violations = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.__violations.push(event.violatedDirective + ' ' + event.blockedURI);
});
"""

JUDGE = r"""
const found = [];
const say = (what, node) => found.push(what + ': ' + (node ? node.outerHTML.slice(0, 120) : ''));
const visible = (node) => {
  if (!node.checkVisibility || !node.checkVisibility({visibilityProperty: true})) return false;
  const box = node.getBoundingClientRect();
  return box.width > 1 && box.height > 1;
};
if (!document.documentElement.lang) say('no language');
if (!document.title.trim()) say('no title');
for (const [tag, many] of [['main', 1], ['h1', 1], ['header', 1], ['footer', 1]]) {
  if (document.querySelectorAll('body ' + tag).length !== many) say('not one ' + tag);
}
for (const nav of document.querySelectorAll('nav')) if (!nav.getAttribute('aria-label')) say('unnamed nav', nav);
let level = 0;
for (const heading of document.querySelectorAll('h1,h2,h3,h4')) {
  if (!visible(heading)) continue;
  const own = Number(heading.tagName[1]);
  if (own > level + 1) say('heading level skipped', heading);
  level = own;
}
const ids = new Set();
for (const node of document.querySelectorAll('[id]')) {
  if (ids.has(node.id)) say('id twice', node);
  ids.add(node.id);
}
for (const name of ['aria-labelledby', 'aria-describedby']) {
  for (const node of document.querySelectorAll('[' + name + ']:not([hidden])')) {
    for (const id of node.getAttribute(name).split(/\s+/)) if (!ids.has(id)) say(name + ' names nothing', node);
  }
}
for (const image of document.querySelectorAll('img')) if (!image.hasAttribute('alt')) say('image without alt', image);
for (const node of document.querySelectorAll('svg:not(.symbols)')) {
  if (!node.closest('[aria-hidden=true]') && !node.getAttribute('aria-label')) say('unnamed drawing', node);
}
const named = (node) =>
  (node.getAttribute('aria-label') || '').trim() ||
  [...(node.labels || [])].map((label) => label.textContent.trim()).join('') ||
  node.textContent.trim();
for (const node of document.querySelectorAll('a,button,input:not([type=hidden]),select,textarea')) {
  if (node.closest('[hidden]')) continue;
  if (!named(node)) say('without a name', node);
  const shown = node.type === 'file' ? node.labels[0] : node;
  if (!visible(shown) || shown.classList.contains('skip')) continue;
  const box = shown.getBoundingClientRect();
  if (box.width < 24 || box.height < 24) say('small target ' + Math.round(box.width) + 'x' + Math.round(box.height), shown);
}
const channels = (text) => (text.match(/[\d.]+/g) || []).map(Number);
const luminance = (rgb) => {
  const [r, g, b] = rgb.slice(0, 3).map((value) => {
    const c = value / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (node) => {
  for (let at = node; at; at = at.parentElement) {
    const rgb = channels(getComputedStyle(at).backgroundColor);
    if (rgb.length === 3 || rgb[3] === 1) return rgb;
    if (rgb[3] > 0) return null;
  }
  return [255, 255, 255];
};
let lowest = 21;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || node.closest('svg,noscript,script,.skip') || !visible(node)) continue;
  const style = getComputedStyle(node);
  const back = behind(node);
  if (!back) { say('translucent ground', node); continue; }
  const [one, two] = [luminance(channels(style.color)), luminance(back)];
  const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  lowest = Math.min(lowest, ratio);
  if (ratio < 4.5) say('contrast ' + ratio.toFixed(2), node);
  if (parseFloat(style.fontSize) < 12) say('small letters', node);
}
if (document.documentElement.scrollWidth > innerWidth + 1) say('wider than the screen: ' + document.documentElement.scrollWidth);
return {found, lowest};
"""


class Walk:
    def __init__(self, url, plan, browser):
        self.url, self.plan, self.browser = url, plan, browser
        self.findings, self.violations, self.steps = [], [], {}
        self.lowest = 21.0
        browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})

    def press(self, selector):
        """Clicks when the page has stopped scrolling, with the element in its middle."""
        element = self.find(selector)
        self.browser.execute_script(
            "document.documentElement.style.scrollBehavior = 'auto';"
            "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'});",
            element,
        )
        element.click()

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def until(self, what, told):
        return WebDriverWait(self.browser, SECONDS, poll_frequency=0.1).until(what, told)

    def screen(self, width, height, scale=1, mobile=False):
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def open(self, path="/"):
        self.browser.get("about:blank")
        self.browser.get(self.url + path)
        self.ready()

    def ready(self):
        self.until(lambda b: b.execute_script("return document.documentElement.dataset.ready === 'yes'"), "the script is ready")

    def judge(self, name):
        self.browser.execute_script("window.scrollTo(0, 0)")
        told = self.browser.execute_script(JUDGE)
        self.findings += [f"{name}: {what}" for what in told["found"]]
        self.lowest = min(self.lowest, told["lowest"])
        self.violations += [f"{name}: {what}" for what in self.browser.execute_script("return window.__violations || []")]
        self.picture(name)

    def picture(self, name):
        if not self.plan.get("pictures"):
            return
        size = self.browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 4000), "scale": 1}
        shot = self.browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        with open(f"{self.plan['pictures']}/{name}.png", "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def answered(self, name):
        """Waits for an answer; tells its tone, words and where the focus is."""
        self.until(lambda b: b.execute_script("return !document.getElementById('answer').hidden"), f"{name}: an answer")
        answer = self.find("#answer")
        tone = answer.get_attribute("class").replace("answer", "").strip()
        step = {
            "tone": tone,
            "verdict": self.find("#verdict").text,
            "text": answer.text,
            "focus": self.browser.execute_script("return document.activeElement.id"),
            "address": self.browser.current_url,
        }
        self.steps[name] = step
        self.judge(name)
        return step

    def upload(self, name, file):
        self.find("#file").send_keys(file)
        return self.answered(name)

    def number(self, name, identifier, value):
        for field, text in [("#identifier", identifier), ("#value", value)]:
            self.find(field).clear()
            self.find(field).send_keys(text)
        self.press("#number button")
        return self.answered(name)

    def keyboard(self, name):
        """From the top by Tab alone: where the focus comes by, and that each place shows it."""
        order = []
        self.browser.execute_script("window.scrollTo(0, 0); document.activeElement.blur();")
        for _ in range(STEPS):
            ActionChains(self.browser).send_keys(Keys.TAB).perform()
            place = self.browser.execute_script(
                """
                const node = document.activeElement;
                if (node === document.body || !node) return null;
                const shown = node.type === 'file' ? node.labels[0] : node;
                const style = getComputedStyle(shown);
                const box = shown.getBoundingClientRect();
                return {
                  name: node.id || node.getAttribute('lang') || node.className || node.textContent.trim(),
                  outline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
                  seen: box.bottom > 0 && box.top < innerHeight,
                };
                """
            )
            if place is None or place["name"] in [known["name"] for known in order]:
                break
            order.append(place)
        for place in order:
            if not place["outline"]:
                self.findings.append(f"{name}: the focus does not show on {place['name']}")
            if not place["seen"]:
                self.findings.append(f"{name}: the focus is out of sight on {place['name']}")
        self.steps[name] = {"order": [place["name"] for place in order]}

    def by_keyboard(self, name, identifier, value):
        """A whole verification without a pointer."""
        self.browser.execute_script("document.getElementById('identifier').focus()")
        keys = ActionChains(self.browser)
        keys.send_keys(identifier, Keys.TAB, value, Keys.ENTER).perform()
        return self.answered(name)

    def walk(self):
        plan = self.plan
        self.screen(1280, 900)
        self.open("/?lang=zh")
        self.judge("desktop-zh")
        self.keyboard("keyboard")
        self.open("/?lang=en")
        self.judge("desktop-en")
        for name, file in plan.get("files", {}).items():
            self.open("/?lang=zh")
            self.upload(name, file)
            if name == plan.get("switch"):
                self.press(".tongues a[lang=en]")
                self.steps[name]["english"] = self.find("#verdict").text
                self.steps[name]["language"] = self.find("html").get_attribute("lang")
                self.judge(f"{name}-en")
        for name, (identifier, value) in plan.get("numbers", {}).items():
            self.open("/?lang=zh")
            self.number(name, identifier, value)
        for name, fragment in plan.get("codes", {}).items():
            self.browser.get("about:blank")
            self.browser.get(self.url + "/" + fragment)
            self.answered(name)
        self.open("/?lang=zh")
        self.press("#number button")
        self.steps["empty"] = {
            "focus": self.browser.execute_script("return document.activeElement.id"),
            "invalid": self.find("#identifier").get_attribute("aria-invalid"),
            "error": self.find("#identifier-error").text,
        }
        self.judge("empty")
        first = next(iter(plan.get("numbers", {}).values()), ("A.B.C.001.0", "x"))
        self.open("/?lang=en")
        self.by_keyboard("by-keyboard", *first)
        self.screen(320, 640, 2, True)
        for language in ["zh", "en"]:
            self.open(f"/?lang={language}")
            self.judge(f"phone-{language}")
            if plan.get("files"):
                name, file = next(iter(plan["files"].items()))
                self.upload(f"phone-{language}-{name}", file)
        for name, file in plan.get("pictures_of_codes", {}).items():
            self.open("/?lang=zh")
            self.find("#photo").send_keys(file)
            self.until(
                lambda b: b.execute_script(
                    "return !document.getElementById('answer').hidden || document.activeElement.id === 'value'"
                ),
                f"{name}: an answer",
            )
            if self.find("#answer").is_displayed():
                self.answered(name)
            else:
                self.steps[name] = {"identifier": self.find("#identifier").get_attribute("value")}
                self.judge(name)
        self.screen(1280, 900)

    def without_script(self):
        """The form with scripts off."""
        self.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        self.browser.get(self.url + "/?lang=zh")
        shown = [node.is_displayed() for node in self.browser.find_elements(By.CSS_SELECTOR, ".scripted")]
        identifier, value = next(iter(self.plan.get("numbers", {}).values()), ("A.B.C.001.0", "x"))
        self.find("#identifier").send_keys(identifier)
        self.find("#value").send_keys(value)
        self.press("#number button")
        self.until(lambda b: b.find_elements(By.CSS_SELECTOR, "#verdict[tabindex]"), "an answer without a script")
        self.steps["without-script"] = {
            "verdict": self.find("#verdict").text,
            "scripted": any(shown),
            "tone": self.find("#answer").get_attribute("class").replace("answer", "").strip(),
        }
        self.picture("without-script")
        self.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    def printed(self):
        """What paper would show."""
        if not self.plan.get("files"):
            return
        self.open("/?lang=zh")
        name, file = next(iter(self.plan["files"].items()))
        self.find("#file").send_keys(file)
        self.until(lambda b: b.execute_script("return !document.getElementById('answer').hidden"), "an answer")
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        self.steps["print"] = {
            "ways": self.find("#ways").is_displayed(),
            "verdict": self.find("#verdict").text,
        }
        self.picture("print")
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def foreign(browser, url):
    """Requests that left the origin."""
    origin = urllib.parse.urlsplit(url)
    own = f"{origin.scheme}://{origin.netloc}/"
    away = []
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message.get("method") != "Network.requestWillBeSent":
            continue
        asked = message["params"]["request"]["url"]
        if not asked.startswith((own, "about:", "chrome:", "data:", "blob:" + own)):
            away.append(asked)
    return away


def main():
    url = sys.argv[1]
    with open(sys.argv[2], encoding="utf-8") as file:
        plan = json.load(file)
    with tempfile.TemporaryDirectory() as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-default-apps",
            "--disable-extensions",
            "--disable-sync",
            "--no-proxy-server",
            f"--user-data-dir={profile}",
        ]:
            options.add_argument(argument)
        options.accept_insecure_certs = True
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        browser = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        try:
            browser.set_page_load_timeout(SECONDS)
            browser.set_script_timeout(SECONDS)
            walk = Walk(url, plan, browser)
            walk.walk()
            walk.printed()
            walk.without_script()
            # A refusal is an answer with a status; the browser's word of it is no complaint of the page.
            console = [
                entry["message"]
                for entry in browser.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING") and "Failed to load resource: the server responded" not in entry["message"]
            ]
            print(
                json.dumps(
                    {
                        "steps": walk.steps,
                        "findings": walk.findings,
                        "violations": walk.violations,
                        "console": console,
                        "foreign": foreign(browser, url),
                        "lowest_contrast": round(walk.lowest, 2),
                    },
                    ensure_ascii=False,
                )
            )
        finally:
            browser.quit()


if __name__ == "__main__":
    main()
