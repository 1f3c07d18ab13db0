"""The pages in a browser, in an emulated account. Somebody reads what Doze tells, opens the link, starts the instance and
keeps it awake, all without scripts; then every page is looked at, on a desk and on a phone, in light and in dark, by a tool
that finds barriers. DOZE_SCREENSHOTS names a folder for pictures of them all."""

import contextlib
import datetime
import os
import pathlib
import re
import subprocess
import tempfile
import time
import urllib.parse

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, sync_playwright

from stack import ROOT, account, check, say, wait_for

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
NARROWEST = {"width": 320, "height": 568}
MOST_BYTES = 20_000
ROWS = 15
HOSTILE = ("<script>alert(1)</script>\"'&" + "<\"'&>" * 50)[:256]
FOREIGN = "شبكة الاختبار 🛌 בדיקה"
LOOPBACK = re.compile(r"^(127\.0\.0\.1|localhost|[a-z0-9.-]+\.localhost)$")
ROLES = ["banner", "main", "navigation", "contentinfo", "heading", "status", "form", "spinbutton", "button", "link"]
ROLES += ["table", "row", "columnheader", "rowheader", "cell"]
# All that axe does by itself, and the sizes of targets, which it leaves out unless asked.
AXE = {"rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations"]}


@contextlib.contextmanager
def browser():
    """A browser that finds no way but to loopback, with a home of its own."""
    names = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE *.localhost, EXCLUDE localhost, EXCLUDE 127.0.0.1"
    with tempfile.TemporaryDirectory(prefix="doze-") as home, sync_playwright() as playwright:
        env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {"HOME": home}
        options = {"executable_path": os.environ["browser"], "args": [names], "env": env}
        # Chromium's sandbox is not for root, and not all containers have what it is made of.
        started = None
        with contextlib.suppress(Error):
            started = playwright.chromium.launch(chromium_sandbox=True, **options) if os.geteuid() else None
        started = started or playwright.chromium.launch(chromium_sandbox=False, **options)
        with contextlib.closing(started):
            yield started


class Witness:
    """Notes what the browser does, on all pages."""

    def __init__(self, browser):
        self.browser, self.requests, self.complaints, self.sizes = browser, [], [], {}

    def page(self, scripts, **options):
        """A new page, of somebody who has been nowhere yet."""
        context = self.browser.new_context(java_script_enabled=scripts, viewport=DESK, **options)
        context.set_default_timeout(20_000)
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("response", self.note_size)
        context.on("weberror", lambda error: self.complaints.append(f"{error.page.url}: {error.error}"))
        context.on("console", self.note_complaint)
        page = context.new_page()
        page.on("dialog", lambda dialog: (self.complaints.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
        return page

    def note_size(self, response):
        if response.headers.get("content-type", "").startswith("text/html"):
            path = urllib.parse.urlsplit(response.url).path
            self.sizes[path] = max(self.sizes.get(path, 0), int(response.headers["content-length"]))

    def note_complaint(self, message):
        # That a page is a 404 is no mistake of the page.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource: the server responded"):
            self.complaints.append(f"{message.page.url if message.page else ''}: {message.text}")

    def check(self):
        strangers = [url for url in self.requests if not LOOPBACK.match(urllib.parse.urlsplit(url).hostname or "")]
        check(not strangers, f"{len(self.requests)} requests, none beyond loopback {strangers or ''}".rstrip())
        kinds = {urllib.parse.urlsplit(url).path.rsplit("/", 1)[-1] for url in self.requests}
        check(not [kind for kind in kinds if "." in kind], "none for anything but pages: they bring all they need")
        check(not self.complaints, f"the browser has nothing to complain about {self.complaints or ''}".rstrip())
        largest = max(self.sizes, key=self.sizes.get)
        check(self.sizes[largest] < MOST_BYTES, f"the largest page, {largest}, has {self.sizes[largest]} bytes")


class Inspector:
    """Looks at pages, on all screens and in both schemes."""

    def __init__(self, witness, folder):
        self.page, self.folder, self.axe, self.seen = witness.page(scripts=True), folder, Axe(), 0

    def look_at(self, name, url):
        """Opens a page, which must not be one that loads itself again, and looks at it."""
        self.page.set_viewport_size(DESK)
        answer = self.page.goto(url)
        self.look(name)
        return answer.status

    def take_pictures(self, page, name):
        """Pictures of a page that somebody else has open."""
        for size in (DESK, PHONE):
            page.set_viewport_size(size)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.screenshot(path=self.folder / f"{name}-{scheme}-{size['width']}.png", full_page=True)
        page.set_viewport_size(DESK)

    def look(self, name):
        """Looks at the page that is open."""
        page, structures = self.page, {}
        for screen, size in {"desk": DESK, "phone": PHONE, "narrow": NARROWEST}.items():
            page.set_viewport_size(size)
            hidden = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if hidden > 0:
                check(False, f"{name} fits a screen of {size['width']} pixels; {hidden} are out of sight")
            structures[screen] = self.structure()
            for scheme in ("light", "dark") if screen != "narrow" else ():
                page.emulate_media(color_scheme=scheme)
                page.screenshot(path=self.folder / f"{name}-{scheme}-{size['width']}.png", full_page=True)
                self.find_barriers(f"{name}, {scheme}, {screen}")
                self.seen += 1
        if structures["desk"] != structures["phone"]:
            check(False, f"{name} means the same on a phone: {structures}")
        if page.locator("html").get_attribute("lang") != "en" or page.locator("script").count():
            check(False, f"{name} says its language, and has no script")

    def find_barriers(self, what):
        found = self.axe.run(self.page, options=AXE).response["violations"]
        for violation in found:
            for node in violation["nodes"][:3]:
                say(f"        {violation['id']}: {violation['help']}: {node['html'][:200]}; {node['failureSummary']}")
        if found:
            check(False, f"{what}: no barriers")

    def structure(self):
        """How many of each role a screen reader is told of."""
        with contextlib.closing(Session(self.page)) as session:
            nodes = session.send("Accessibility.getFullAXTree")["nodes"]
        roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
        return {role: roles.count(role) for role in ROLES if role in roles}


class Session:
    """A session of the browser's own protocol."""

    def __init__(self, page):
        self.session = page.context.new_cdp_session(page)
        self.send, self.close = self.session.send, self.session.detach


def launch(aws):
    """One of each kind, and enough to fill a page, with names as long and as hostile as EC2 takes them."""
    ids = {name: aws.launch(name, up_for_minutes=600) for name in ("busy", "by-person", "other")}
    ids["fresh"] = aws.launch("fresh")
    ids["idle"] = aws.launch("idle", up_for_minutes=600, tags={"emulator:slow-start-seconds": "20"})
    ids["crowded"] = aws.launch("crowded", up_for_minutes=600, tags={"emulator:no-capacity": ""})
    ids["locked"] = aws.launch("locked", up_for_minutes=600, tags={"emulator:falls-back": "Client.InternalError"})
    schedule = {"doze:schedule": "mon-fri 09:00-18:00 @ Asia/Seoul"}
    ids["scheduled"] = aws.launch("scheduled", up_for_minutes=600, tags=schedule)
    ids["foreign"] = aws.launch(FOREIGN, up_for_minutes=600)
    ids["unnamed"] = aws.launch("", up_for_minutes=600)
    for instance in ids.values():
        aws.feed(instance, cpu=63.0 if instance not in (ids["idle"], ids["crowded"], ids["locked"]) else 0.4)
    for _ in range(ROWS):
        ids["hostile"] = aws.launch(HOSTILE, up_for_minutes=600, tags={"doze:schedule": HOSTILE})
    aws.stop(ids["by-person"])
    return ids


def links(message):
    """The links of a message, by instance."""
    return {link.split("/instances/")[1].split("?")[0]: link for link in re.findall(r"https://\S+", message["Message"])}


def told(aws, subject):
    """The next message with this subject."""
    found = []

    def look():
        found.extend(aws.messages())
        return next((message for message in found if message["Subject"] == subject), None)

    return wait_for(f"the message “{subject}”", look)


def state(page):
    return page.locator("header .state").inner_text()


def starts_by_a_click(aws, page, inspector, link, instance):
    """From the message to an instance that runs and is kept awake."""
    page.goto(link)
    shown = (page.locator("h1").inner_text(), state(page))
    check(shown == ("idle", "stopped"), "the link leads to the page of the stopped instance")
    inspector.look_at("stopped", link)
    page.get_by_role("button", name="Start it").click()
    check(state(page) == "pending" and aws.state(instance) == "pending", "its button starts it, without any script")
    said = page.get_by_role("status").inner_text().splitlines()[0]
    check("starting" in said, f"the page says so: {said}")
    page.get_by_role("link", name="Hold it still").click()
    follow = page.get_by_role("link", name="Look again, and follow it")
    check("still=1" in page.url and follow.count() == 1, "it can be held still")
    inspector.look_at("starting-still", page.url)
    follow.click()
    inspector.take_pictures(page, "starting")
    # Nobody presses anything now.
    page.locator("header .state", has_text="running").wait_for(timeout=40_000)
    address = page.locator("p", has_text="Connect to:").locator("code").inner_text()
    check("." in address, f"the page follows it by itself until it runs, and says where: {address}")
    inspector.look_at("running", page.url)
    keeps_awake(aws, page, instance)
    inspector.look_at("kept-awake", page.url)


def keeps_awake(aws, page, instance):
    page.get_by_role("spinbutton").fill("6")
    wished = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=6)
    page.get_by_role("button", name="Keep it awake").click()
    until = datetime.datetime.fromisoformat(page.locator("main .card time").get_attribute("datetime").replace("Z", "+00:00"))
    said = page.locator("main .card").first.inner_text().split("Connect")[0].split("\n")
    check("kept awake" in said[0] and abs(until - wished) < datetime.timedelta(minutes=2), f"it is kept awake: {' '.join(said)}")
    check(aws.tags(instance)["doze:keep-until"][:16] == until.isoformat()[:16], "its tag says so, too")


def starts_that_fail(aws, page, inspector, stopped, ids):
    """One that EC2 has no capacity for, and one that falls back."""
    page.goto(stopped[ids["crowded"]])
    page.get_by_role("button", name="Start it").click()
    said = page.get_by_role("status").inner_text()
    check(state(page) == "stopped" and "owed" in said, f"without capacity the start is owed: {said.splitlines()[0]}")
    check("doze:start-owed-since" in aws.tags(ids["crowded"]), "its tag says so, too")
    inspector.look_at("owed", page.url + "&still=1")
    page.goto(stopped[ids["locked"]])
    page.get_by_role("button", name="Start it").click()
    page.locator("main .card", has_text="KMS key").first.wait_for()
    said = page.locator("main .card", has_text="KMS key").first.inner_text().splitlines()
    check("fell back" in said[0], f"one that falls back says why: {' '.join(said[:2])}")
    inspector.look_at("fell-back", page.url)
    message = told(aws, "Doze: 1 fell back to stopped")
    check(list(links(message)) == [ids["locked"]], "and Doze tells of it")


def fleet_page(aws, page, inspector, ids):
    # Time has passed, and what was measured is not news any more.
    for name in ("busy", "foreign"):
        aws.feed(ids[name], cpu=63.0)
    made = subprocess.run([str(ROOT / "scripts/link.sh"), "--fleet"], capture_output=True, text=True)
    if made.returncode:
        check(False, f"scripts/link.sh makes a link: {made.stderr}")
    link = made.stdout.strip().replace(aws.outputs["HomeUrl"].rstrip("/"), aws.site())
    page.goto(link)
    rows = page.locator("tbody tr")
    check(rows.count() == ROWS, f"scripts/link.sh --fleet leads to the list, {ROWS} instances a page")
    name = rows.first.get_by_role("link").inner_text()
    is_cut = name.endswith("…") and HOSTILE.startswith(name[:-1]) and len(name) > 30
    check(is_cut and not page.locator("script").count(), f"a hostile name is text: {name[:30]}…")
    inspector.look_at("fleet-hostile", link)
    page.get_by_role("link", name="Next").click()
    names = [row.get_by_role("link").inner_text() for row in rows.all()]
    known = [name for name in ids if name not in ("hostile", "foreign", "unnamed")]
    check(names == sorted(known) + [FOREIGN, ids["unnamed"]], f"the next page holds the rest, by name: {', '.join(names)}")
    inspector.look_at("fleet", page.url)
    shown = page.url
    reasons = {"busy": "in use", "fresh": "started recently", "scheduled": "", FOREIGN: "in use"}
    for name, reason in reasons.items():
        page.goto(shown)
        why = rows.filter(has=page.get_by_role("link", name=name, exact=True)).locator("td").nth(1).inner_text()
        page.get_by_role("link", name=name, exact=True).click()
        only_shows = page.locator("h1").inner_text() == name and not page.get_by_role("button").count()
        check(only_shows and reason in why, f"{name}: {' '.join(why.split())}")
        inspector.look_at({FOREIGN: "foreign"}.get(name, name), page.url)
    page.get_by_role("link", name="All instances").click()
    check(rows.count() == ROWS, "its row leads to an instance's page, which only shows, and back")
    page.get_by_role("link", name="Next").click()
    page.get_by_role("link", name="Previous").click()
    check("Page 1 of 2" in page.get_by_role("navigation").inner_text(), "pages lead there and back")
    inspector.look_at("hostile", f"{aws.site()}/instances/{ids['hostile']}?token={aws.token(ids['hostile'])}")
    return link


def public_pages(aws, page, inspector, fleet_link):
    inspector.look_at("front", aws.site() + "/")
    page.goto(aws.site() + "/?" + fleet_link.split("?")[1])
    inspector.look_at("front-with-token", page.url)
    page.get_by_role("link", name="All instances").click()
    check(page.locator("tbody tr").count() == ROWS, "the public page leads the holder of a good token to the list")
    page.goto(aws.site() + "/")
    check(not page.get_by_role("link", name="All instances").count(), "and nobody else")
    page.get_by_role("link", name="Say hello").click()
    check(page.locator("body").inner_text() == "Hello from Lambda!", "it says hello")


def refusals(aws, inspector, ids):
    site, one = aws.site(), ids["busy"]
    cases = {
        "no-token": (f"/instances/{one}", 401),
        "expired": (f"/instances/{one}?token={aws.token(one, seconds=-1)}", 401),
        "forged": (f"/instances/{one}?token={aws.token(one)[:-3]}AAA", 401),
        "foreign-token": (f"/instances/{one}?token={aws.token(ids['other'])}", 403),
        "not-found": ("/nowhere", 404),
        "unknown-instance": (f"/instances/i-0123456789abcdef0?token={aws.token('i-0123456789abcdef0')}", 404),
        "bad-id": (f"/instances/{urllib.parse.quote(HOSTILE[:60].replace('/', ''))}?token={aws.token(one)}", 400),
        "button-as-page": (f"/instances/{one}/start?token={aws.token(one)}", 405),
        "no-such-page": (f"/instances?page=99&token={aws.token('fleet', ['read'])}", 404),
    }
    for name, (path, expected) in cases.items():
        status = inspector.look_at(f"refused-{name}", site + path)
        said = " ".join(inspector.page.locator("body").inner_text().split())
        check(status == expected and one not in said, f"{name}: {status} {said[:110]}")


def by_keyboard(aws, witness, ids):
    """All that can be done, without a mouse; and where the focus is, is seen."""
    aws.tag(ids["by-person"], "emulator:slow-start-seconds", "15")
    page = witness.page(scripts=True)
    page.goto(f"{aws.site()}/instances/{ids['by-person']}?token={aws.token(ids['by-person'])}")
    check(stops(page, 1) == ["Start it"], "Tab reaches the button")
    page.locator("h1").click()
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    check(aws.state(ids["by-person"]) in ("pending", "running"), "Enter presses Start it")
    check(stops(page, 1) == ["Hold it still"], "Tab reaches the link that holds the page still")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    check("still=1" in page.url, "Enter follows it")
    page.goto(page.url.replace("still=1&", ""))
    page.locator("header .state", has_text="running").wait_for(timeout=30_000)
    check(stops(page, 2) == ["hours", "Keep it awake"], "Tab reaches the hours and their button")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    page.locator("main .card", has_text="kept awake").first.wait_for()
    check("doze:keep-until" in aws.tags(ids["by-person"]), "Enter sends them")
    page.goto(f"{aws.site()}/instances?token={aws.token('fleet', ['read'])}")
    links = page.get_by_role("link").count()
    seen = stops(page, links)
    check(len(seen) == links > ROWS and seen[-1] == "Next", f"in the list, Tab comes by all {links} links, and the last leads on")


def stops(page, count):
    """Where Tab comes by, and that each place shows it."""
    names = []
    for _ in range(count):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        style = focused.evaluate("e => [getComputedStyle(e).outlineStyle, parseFloat(getComputedStyle(e).outlineWidth)]")
        names.append(focused.get_attribute("name") or focused.inner_text())
        if style[0] == "none" or style[1] < 2:
            check(False, f"{names[-1]} shows that it has the focus: {style}")
    return names


def dry_run(aws, witness, inspector, ids, fleet_link):
    for function in ("home", "wake"):
        name = aws.function(function)
        variables = aws.lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables["DOZE_MODE"] = "dry-run"
        aws.lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    link = f"{aws.site()}/instances/{ids['locked']}?token={aws.token(ids['locked'])}"
    inspector.look_at("dry-run-front", aws.site() + "/")
    inspector.look_at("dry-run-fleet", fleet_link + "&page=2")
    inspector.look_at("dry-run-instance", link)
    inspector.page.set_viewport_size(DESK)
    inspector.page.get_by_role("button", name="Start it").click()
    said = inspector.page.locator("h1").inner_text()
    check(said == "Nothing was changed", "in a dry run the button says that it did nothing")
    inspector.look("dry-run-start")
    inspector.page.get_by_role("link", name="Back to the instance").click()
    check(state(inspector.page) == "stopped" == aws.state(ids["locked"]), "and it did nothing")


def look_at_all(aws, chromium, folder):
    ids = launch(aws)
    aws.deploy(Mode="enforce", MaxStopsPercent=100)
    aws.subscribe()
    witness = Witness(chromium)
    page, inspector = witness.page(scripts=False), Inspector(witness, folder)
    error, _ = aws.invoke({"action": "sweep"})
    message = told(aws, "Doze: 3 stopped")
    stopped = {i: link.replace(aws.outputs["HomeUrl"].rstrip("/"), aws.site()) for i, link in links(message).items()}
    idle = {ids[name] for name in ("idle", "crowded", "locked")}
    check(error is None and set(stopped) == idle, "three idle instances are stopped, and told of with links")
    starts_by_a_click(aws, page, inspector, stopped[ids["idle"]], ids["idle"])
    starts_that_fail(aws, page, inspector, stopped, ids)
    fleet_link = fleet_page(aws, page, inspector, ids)
    public_pages(aws, page, inspector, fleet_link)
    refusals(aws, inspector, ids)
    by_keyboard(aws, witness, ids)
    dry_run(aws, witness, inspector, ids, fleet_link)
    check(True, f"{inspector.seen} views of pages, and no barrier in any")
    witness.check()


def main():
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = os.environ.get("DOZE_SCREENSHOTS") or stack.enter_context(tempfile.TemporaryDirectory(prefix="doze-"))
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        aws, chromium = stack.enter_context(account()), stack.enter_context(browser())
        look_at_all(aws, chromium, pathlib.Path(folder))
    say(f"   {time.monotonic() - begun:.0f} seconds")


main()
