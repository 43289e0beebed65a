# SPDX-License-Identifier: Apache-2.0
"""The demo's second part: a company's client browses a small internet through the box. A table says
of each site which issuer the client saw, what became of the page, and the outcome with its reason
as the box wrote it down; each cell is checked.
"""

import dataclasses
import json
import os
import re

from screen import clip
from stage import ATTACK, ROOT, SECRET, internet, run

COMPANY, PUBLIC, UNTRUSTED, NONE = ("Lab Company Signing CA", "Lab Intermediate CA",
                                    "Untrusted Server CA", "none")
PORT = "\n%{local_port}"
HEAD = ("site", "issuer the client saw", "page", "outcome", "reason")


@dataclasses.dataclass(frozen=True)
class Visit:
    """One look at a site and what must come of it. `who`: a browser that trusts the company and the
    public CA, an app that knows its server's CA alone, or a careless one that trusts all."""
    key: str
    issuer: str
    page: str          # shown, or why not
    outcome: str
    reason: str
    who: str = "browser"
    about: str = ""
    options: tuple = ()


FIRST_LOOK = [
    Visit("normal", COMPANY, "shown", "inspected", "closed"),
    Visit("bank", PUBLIC, "shown", "not_decrypted", "category: finance"),
    Visit("hospital", PUBLIC, "shown", "not_decrypted", "domain: hospital.test"),
    Visit("self-signed", NONE, "refused", "blocked", "chain_invalid: self_signed"),
    Visit("expired", NONE, "refused", "blocked", "certificate_expired: expired"),
    Visit("wrong-host", NONE, "refused", "blocked", "chain_invalid: name_mismatch"),
    Visit("own-ca", NONE, "refused", "blocked", "own_certificate: own_certificate"),
    Visit("ip-only", COMPANY, "shown", "inspected", "closed", about="no SNI"),
    Visit("asks", NONE, "refused", "blocked", "client_certificate", about="wants a certificate"),
    Visit("asks", PUBLIC, "shown", "bypassed", "client_certificate", about="again",
          options=("--cert", "@PKI@/client.fullchain.pem", "--key", "@PKI@/client.key")),
    Visit("pinned", NONE, "the app refuses", "blocked", "client_alert", who="app", about="an app"),
    Visit("pinned", PUBLIC, "shown", "bypassed", "client_alert", who="app", about="again"),
]
# With the two switches off (R100, R101): the browser's own warning, never our trusted CA.
WITH_WARNINGS = [
    Visit(key, UNTRUSTED, "shown", "inspected", f"closed: {fault}", who="careless")
    for key, fault in (("self-signed", "self_signed"), ("expired", "expired"),
                       ("wrong-host", "name_mismatch"))
]


def curl_words(stage, visit):
    site = internet.find(visit.key)
    trust = {"browser": ["--cacert", stage.browser_trust()],
             "app": ["--cacert", stage.lab.pki.path("ca.pem")], "careless": ["-k"]}[visit.who]
    options = [o.replace("@PKI@", stage.lab.pki.folder) for o in visit.options]
    host = site.name or internet.address(site)
    return site, ["curl", "-sv", "-m", "8", *trust, *options, "-w", PORT, f"https://{host}/"]


def page_of(trace, body, key):
    if f"This is the {key} site" in body:
        return "shown"
    return "the app refuses" if "unable to get local issuer" in trace else "refused"


def as_typed(stage, argv):
    """A command without what only a program wants of it, and without the lab's folders."""
    text = " ".join(word for word in argv if word not in ("-w", PORT))
    return text.replace(stage.lab.pki.folder + "/", "").replace(stage.lab.path() + "/", "")


def matched_by(event):
    """The list entry or the category by which a site was left alone; "" when it was not."""
    decision = event.get("decision", {})
    left = event.get("outcome") == "not_decrypted"
    return (decision.get("category") or decision.get("domain") or "") if left else ""


def look(screen, stage, visit):
    """(the cells seen, the event of that connection)."""
    site, argv = curl_words(stage, visit)
    done = stage.browse(argv)
    screen.command(as_typed(stage, argv), done.stdout + done.stderr, quiet=True)
    body, _, port = done.stdout.rpartition("\n")
    issuer = re.search(r"issuer: .*?CN ?= ?([^;\n]+)", done.stderr)
    event = stage.event_of(internet.address(site), int(port or 0))
    chain = event.get("tls", {}).get("server", {}).get("chain", "none")
    matched = matched_by(event) or (chain if chain != "none" else "")
    reason = event.get("reason", "no line in the log") + (f": {matched}" if matched else "")
    name = (site.name or internet.address(site)) + (f" ({visit.about})" if visit.about else "")
    return (name, issuer.group(1).strip() if issuer else NONE,
            page_of(done.stderr, body, visit.key), event.get("outcome", ""), reason), event


def look_at_all(screen, stage, visits):
    """Each site once; the table of them. Returns the events, in order."""
    rows, events = [], []
    for visit in visits:
        cells, event = look(screen, stage, visit)
        wanted = (visit.issuer, visit.page, visit.outcome, visit.reason)
        rows.append((cells, cells[1:] == wanted))
        events.append(event)
    screen.columns(HEAD, rows)
    return events


def apply(screen, stage, **settings):
    stage.configure(True, client=True, **settings)
    done = stage.tps("config", "apply", stage.config)
    with open(stage.config, encoding="utf-8") as src:
        screen.command("tps config apply demo.yaml", done.stdout + done.stderr + "\n" + src.read())
    return screen.claim("the document is applied", done.returncode == 0,
                        clip(done.stdout or done.stderr, 80))


def explain(screen, stage, event):
    flow = str(event.get("flow_id", 0))
    done = stage.tps("explain", flow)
    screen.command(f"tps explain {flow}", done.stdout + done.stderr)
    told = [line.strip() for line in done.stdout.splitlines() if "refused the certificate" in line]
    screen.claim("`tps explain` says why the app failed once", bool(told),
                 told[0] if told else done.stdout or done.stderr)


def browser(screen, stage, name, *options):
    """What Chromium shows of a page, with its picture in the report."""
    picture = os.path.join(stage.lab.path(), f"{name}.png")
    argv = [os.path.join(ROOT, "lab/browser"), *options, "--picture", picture,
            f"https://{internet.find(name).name}/"]
    done = run(*stage.as_client(argv), check=False)
    screen.command("chromium " + argv[-1], done.stdout + done.stderr)
    if done.returncode != 0:
        return {"text": "", "error": done.stderr, "issuer": ""}
    seen = json.loads(done.stdout)
    with open(picture, "rb") as src:
        screen.picture(f"Chromium at {argv[-1]}: {seen['title']}", src.read())
    return seen


def browser_with_root(screen, stage):
    seen = browser(screen, stage, "social", "--trust", stage.browser_trust())
    screen.claim("a browser with the company's root shows the page",
                 "This is the social site" in seen["text"] and seen["issuer"] == COMPANY,
                 f"issued by {seen['issuer'] or 'nobody'} {seen['error']}")


def browser_without_root(screen, stage):
    """It trusts the public CA, so that only our certificate is what it can object to."""
    seen = browser(screen, stage, "normal", "--trust", stage.lab.pki.path("ca.pem"))
    screen.claim("a browser without it warns", "ERR_CERT_AUTHORITY_INVALID" in seen["error"],
                 seen["text"] or seen["error"])


def attack_outside(screen, stage):
    argv = ["curl", "-sv", "-m", "8", "--path-as-is", "--cacert", stage.browser_trust(),
            "https://normal.test" + ATTACK]
    done = stage.browse(argv)
    screen.command(as_typed(stage, argv), done.stdout + done.stderr)
    reached = len(stage.access("cgi-bin", "internet"))
    screen.claim("an attack on a site outside is blocked, and the client is told why",
                 SECRET not in done.stdout and "This request was blocked" in done.stdout and
                 reached == 0, f"a block page, no secret, {reached} lines in the site's log")


def act_browse(screen, stage):
    screen.act("Act 5: clients browse", "the other direction: sites outside, of which the box has no key")
    screen.note("many sites take the place of the two")
    stage.start_internet()
    if not apply(screen, stage):
        return
    events = look_at_all(screen, stage, FIRST_LOOK)
    explain(screen, stage, next(e for e, v in zip(events, FIRST_LOOK) if v.who == "app"))
    attack_outside(screen, stage)
    browser_with_root(screen, stage)
    screen.note("now this client is always decrypted, refusals or not, and bad certificates are not "
                "blocked")
    if apply(screen, stage, strict=True):
        browser_without_root(screen, stage)
        look_at_all(screen, stage, WITH_WARNINGS)
