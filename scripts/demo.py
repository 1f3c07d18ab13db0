"""Doze's main job, from an alarm to a stopped instance and back to a running one by one click, in an emulated account. Ends
with 0 only if it was seen to work."""

import html
import re
import urllib.parse

from stack import account, check, say, wait_for


def show(decision, names):
    """One decision as a line that a person reads."""
    numbers = "; ".join(
        f"{f['signal']} {'no data' if f['observed'] is None else format(f['observed'], '.4g')} of {f['limit']:g} {f['unit']}"
        for f in decision["evidence"]
    )
    say(f"   {names.get(decision['instance'], '?'):<13} {decision['verdict']:<5} {decision['reason']:<17} {numbers}")


def press(aws, link, page, action):
    """Presses the button of a form on the page, as a browser does, and returns where that leads."""
    form = re.search(rf'<form method="post" action="([^"]+/{action})">(.*?)</form>', page, re.S)
    fields = re.findall(r'<input[^>]* name="([^"]+)" value="([^"]*)"', form.group(2))
    body = urllib.parse.urlencode({name: html.unescape(value) for name, value in fields})
    path = urllib.parse.urljoin(link, form.group(1))
    kind = {"content-type": "application/x-www-form-urlencoded"}
    status, headers, _ = aws.request("POST", path, body=body, headers=kind)
    check(status == 303, f"the button leads back to the page: {status}")
    return urllib.parse.urljoin(path, headers["location"])


def running(page):
    """The page, once it shows the state `running`."""
    return page if 'class="state running"' in page else None


def demo():
    with account() as aws:
        say("1. Four instances are launched; the emulator is told that three have been up for ten hours.")
        ids = {
            "idle": aws.launch("idle", up_for_minutes=600, tags={"emulator:slow-start-seconds": "8"}),
            "busy": aws.launch("busy", up_for_minutes=600),
            "untagged": aws.launch("untagged", opted_in=False, up_for_minutes=600),
            "just-started": aws.launch("just-started"),
        }
        names = {instance: name for name, instance in ids.items()}
        for name, instance in ids.items():
            say(f"   {name:<13} {instance}  {aws.state(instance)}")

        say("\n2. infra/template.yaml is deployed with `sam deploy`, in the mode `enforce`; Doze keeps an alarm for each of the three.")
        status = aws.deploy(Mode="enforce", IdleAlarms="instances")
        say(f"   stack doze: {status}")
        aws.subscribe()
        alarms = {name: f"{aws.outputs['AlarmNamePrefix']}auto-{instance}" for name, instance in ids.items()}
        for alarm in alarms.values():
            say(f"   alarm {alarm}: {aws.alarm_state(alarm) or 'none'}")
        watched = [name for name, alarm in alarms.items() if aws.alarm_state(alarm)]
        check(watched == ["idle", "busy", "just-started"], "each opted-in instance has an alarm, and the untagged one has none")
        alarm = alarms["idle"]

        say("\n3. An hour of CPU, network and disk metrics: 63 % CPU on the busy one, next to nothing on the others.")
        for name, instance in ids.items():
            aws.feed(instance, cpu=63.0 if name == "busy" else 0.4)
        wait_for("the alarm", lambda: aws.alarm_state(alarm) == "ALARM")
        say(f"   alarm {alarm}: ALARM; it invokes the scheduler")

        say("\n4. The scheduler reads the evidence again, and decides.")
        wait_for("the stop of the idle instance", lambda: aws.state(ids["idle"]) in ("stopping", "stopped"))
        log = "/aws/lambda/doze-scheduler"
        is_of_alarm = lambda line: line.get("message") == "report" and line["trigger"].get("name") == alarm
        report = wait_for("the report in the log", lambda: [line for line in aws.log_lines(log) if is_of_alarm(line)])[0]
        for decision in report["decisions"]:
            show(decision, names)
        for outcome in report["outcomes"]:
            say(f"   {names[outcome['instance']]:<13} {outcome['action']}: {outcome['result']}, {outcome['from']} -> {outcome['to']}")
        check(report["trigger"] | {"time": 0} == {
            "kind": "alarm", "source": "direct", "name": alarm, "account": "000000000000", "region": "eu-west-1", "time": 0,
        }, "the alarm itself invoked the function")
        check([d["reason"] for d in report["decisions"]] == ["idle"], "the idle instance was stopped because it was idle")
        tags = wait_for("the tags", lambda: aws.tags(ids["idle"]) if "doze:stopped-at" in aws.tags(ids["idle"]) else None)
        check(tags["doze:stopped-because"] == "idle", f"its tags say so: stopped-at {tags['doze:stopped-at']}")
        for name in ("busy", "untagged", "just-started"):
            check(aws.state(ids[name]) == "running", f"the {name} instance runs on")

        say("\n5. A sweep over all opted-in instances says why each of them is as it is.")
        error, swept = aws.invoke({"action": "sweep"})
        check(error is None, "the sweep went through")
        for decision in swept["decisions"]:
            show(decision, names)
        reasons = {names[d["instance"]]: d["reason"] for d in swept["decisions"]}
        expected = {"idle": "already-stopped", "busy": "busy", "just-started": "recently-started"}
        check(reasons == expected, "each kept for its own reason, and the untagged one not looked at")

        say("\n6. Whoever subscribed to the stack's topic has been told, with a link.")
        message = wait_for("the message", aws.messages)[0]
        say("   " + message["Subject"])
        for line in message["Message"].splitlines():
            say("   | " + re.sub(r"(token=.{12}).*", r"\1…", line))
        link = re.search(r"https://\S+", message["Message"]).group()
        check(ids["idle"] in link, "it names the instance, and links to its page")

        say("\n7. The link opens the instance's page, and its button starts the machine.")
        status, _, page = aws.request("GET", link)
        check(status == 200 and "Start it" in page, "the page says that it is stopped, why, and offers to start it")
        check(aws.state(ids["idle"]) == "stopped", "opening the page changed nothing")
        back = press(aws, link, page, "start")
        page = aws.request("GET", back)[2]
        check(aws.state(ids["idle"]) == "pending" and "It is starting" in page, "the page shows that it is starting")
        page = wait_for("the state running", lambda: running(aws.request("GET", back)[2]))
        address = re.search(r"Connect to: <code>([^<]+)</code>", page)
        check(bool(address), f"the page says that it runs, and where to connect: {address.group(1) if address else ''}")
        check("doze:keep-until" in aws.tags(ids["idle"]), "it is held awake, though its alarm still stands")
        error, swept = aws.invoke({"action": "sweep"})
        check(error is None and swept["summary"]["stop"] == 0, "the next sweep leaves it alone")
        for decision in swept["decisions"]:
            show(decision, names)

        say("\n8. The public pages, through the emulated HTTP API.")
        status, kind, body = aws.get("/hello")
        check((status, body) == (200, "Hello from Lambda!"), f"GET /hello: {status} {body}")
        status, kind, body = aws.get("/", accept="application/json")
        check(status == 200 and '"mode":"enforce"' in body, f"GET / as JSON: {status} {body}")
        status, kind, body = aws.get("/", accept="text/html")
        check(status == 200 and kind.startswith("text/html") and "enforce" in body, f"GET / as a page: {status} {kind}")
    say("\nDone: the idle instance slept and is awake again, the others ran on, and nothing is left running here.")


if __name__ == "__main__":
    demo()
