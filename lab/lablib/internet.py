# SPDX-License-Identifier: Apache-2.0
"""A small internet: many TLS sites, each with an address of its own from 10.10.0.30 up, port 443.
One table: what a site is called, what is special about its certificate, how it is served. Most are
servers of one nginx; those that do not speak TLS as they should are lab/hosts/odd.py.

Certificates are `site-KEY.pem` beside the lab's own; the company whose clients look at these sites
has a signing CA there, too (COMPANY). Both are made by `ensure`.
"""

import dataclasses

from .pki import IDENTIFIERS, SUBJECT_ID, leaf_extensions

NETWORK, FIRST = "10.10.0", 30
MANY = 100

# The signing CAs of the company, self-signed: name, key, common name, validity in days from now.
COMPANY = [
    ("signing", "rsa", "Lab Company Signing CA", (-30, 3650)),
    ("signing-ec", "ec", "Lab Company Signing CA P-256", (-30, 3650)),
    ("signing-expired", "ec", "Lab Company Signing CA Expired", (-60, -2)),
]


@dataclasses.dataclass(frozen=True)
class Site:
    """A site. `certificate`: a lab certificate instead of one of its own. `issuer`: who signs, None
    itself; `chain`: what is sent behind the leaf. `odd`: what odd.py does instead of TLS."""
    key: str
    name: str
    what: str
    names: tuple = ()             # in the certificate; () is the site's name
    kind: str = "ec"
    also: str = ""                # the kind of a second certificate
    subject: str = ""             # "" is /CN=name
    days: tuple = (-30, 90)
    digest: str = "sha256"
    issuer: str = "intermediate"
    chain: tuple = ("chain",)
    certificate: str = ""
    protocols: str = "TLSv1.2 TLSv1.3"
    listen: str = ""              # further words for nginx' listen
    settings: str = ""            # further lines for nginx
    odd: str = ""


# Addresses follow the order: append only.
SITES = [
    Site("normal", "normal.test", "nothing special, with an RSA and a P-256 certificate", also="rsa"),
    Site("bank", "bank.test", "a bank"),
    Site("hospital", "hospital.test", "a hospital"),
    Site("social", "social.test", "a social network"),
    Site("update", "update.test", "a vendor's updates"),
    Site("pinned", "pinned.test", "the server of an app that knows its certificate"),
    Site("self-signed", "self-signed.test", "its own issuer", issuer=None, chain=()),
    Site("expired", "expired.test", "expired two days ago", days=(-60, -2)),
    Site("future", "future.test", "valid from the day after tomorrow", days=(2, 90)),
    Site("wrong-host", "wrong-host.test", "for another name", names=("other.test",)),
    Site("unknown-root", "unknown-root.test", "of a CA that nobody knows", issuer="other-ca",
         chain=()),
    Site("no-intermediate", "no-intermediate.test", "sends no intermediate", chain=()),
    Site("revoked", "revoked.test", "on its issuer's revocation list (site-revoked.crl.pem)"),
    Site("rsa1024", "rsa1024.test", "RSA of 1024 bits", kind="rsa1024"),
    Site("sha1", "sha1.test", "signed with SHA-1", digest="sha1"),
    Site("many", "many.test", f"{MANY} names",
         names=("many.test", *(f"n{n}.many.test" for n in range(1, MANY)))),
    Site("wild", "any.wild.test", "*.wild.test", certificate="wild"),
    Site("ip-only", "", "an address and no name, for clients without SNI",
         names=("IP:10.10.0.47",), subject="/O=Lab"),
    Site("asks", "asks.test", "wants a certificate of the client (any of the lab's)",
         settings="ssl_verify_client on; ssl_client_certificate @PKI@/ca.pem; ssl_verify_depth 3;"),
    Site("tls12", "tls12.test", "TLS 1.2 only", protocols="TLSv1.2"),
    Site("tls13", "tls13.test", "TLS 1.3 only", protocols="TLSv1.3"),
    Site("tls10", "tls10.test", "TLS 1.0 only", kind="rsa", protocols="TLSv1"),
    Site("p384", "p384.test", "a P-384 certificate", kind="p384"),
    Site("http2", "http2.test", "HTTP/2 too", listen="http2"),
    Site("own-ca", "own-ca.test", "signed by the company's signing CA, which it sends",
         issuer="signing", chain=("signing",)),
    Site("idn", "xn--bcher-kva.test", "an international name"),
    Site("no-subject", "no-subject.test", "an empty subject, its name in a critical extension",
         subject="/"),
    Site("plain", "plain.test", "no TLS: says each line again", odd="plain"),
    Site("first", "first.test", "no TLS: speaks first, as mail servers do", odd="first"),
    Site("silent", "silent.test", "takes everything and never says a word", odd="silent"),
    Site("malformed", "malformed.test", "a certificate that is no certificate", odd="malformed"),
]


def address(site):
    return f"{NETWORK}.{FIRST + SITES.index(site)}"


def addresses():
    return [address(site) for site in SITES]


def find(key):
    return next(site for site in SITES if site.key == key)


def resolve_options(ports=(443,)):
    """--resolve for curl: every name of the internet."""
    return [word for site in SITES if site.name for port in ports
            for word in ("--resolve", f"{site.name}:{port}:{address(site)}")]


def host_rules():
    """The same for Chromium's --host-resolver-rules; nothing else resolves."""
    rules = [f"MAP {site.name} {address(site)}" for site in SITES if site.name]
    return ",".join([*rules, "MAP * ~NOTFOUND"])


def names():
    """AT_KEY: the address of each site, for documents and cases."""
    return {"AT_" + site.key.upper().replace("-", "_"): address(site) for site in SITES}


def ensure(pki):
    """Makes the company's CAs and all sites' certificates, once."""
    pki.ensure()
    pki.once("complete-internet", lambda: _make(pki))


def _make(pki):
    for name, kind, common_name, days in COMPANY:
        pki.root(name, common_name, kind, days)
    with open(pki.path("signing.pem"), encoding="ascii") as src, \
            open(pki.path("client-trust.pem"), "w", encoding="ascii") as out:
        out.write(src.read())
    pki.root("other-ca", "Lab Other CA", "ec")
    pki.issue("client", "ec", "/CN=Lab Client", "intermediate", "basicConstraints=CA:FALSE\n"
              "keyUsage=digitalSignature\nextendedKeyUsage=clientAuth\n" + IDENTIFIERS)
    pki.join("client", ["chain"])
    for site in SITES:
        for suffix, kind in certificates(site):
            _issue(pki, site, f"site-{site.key}{suffix}", kind)
    pki.revoke([], "intermediate", "site-before")
    pki.revoke(["site-revoked"], "intermediate", "site-revoked")


def certificates(site):
    """[(suffix of the file, kind)] of the certificates a site has of its own."""
    if site.odd or site.certificate:
        return []
    return [("", site.kind)] + ([("-" + site.also, site.also)] if site.also else [])


def _issue(pki, site, name, kind):
    text = leaf_extensions(site.names or (site.name,), critical=site.subject == "/")
    pki.issue(name, kind, site.subject or f"/CN={site.name}", site.issuer,
              text + (IDENTIFIERS if site.issuer else SUBJECT_ID), site.days, site.digest)
    pki.join(name, site.chain)


def nginx_server(site):
    """The server block of a site, in the language of lab/hosts (@PKI@, @ROOT@)."""
    files = [site.certificate] if site.certificate else \
        [f"site-{site.key}{suffix}" for suffix, _ in certificates(site)]
    pairs = "".join(f"\tssl_certificate @PKI@/{f}.fullchain.pem;\n"
                    f"\tssl_certificate_key @PKI@/{f}.key;\n" for f in files)
    return (f"server {{\n\tlisten {address(site)}:443 ssl {site.listen} backlog=4096;\n"
            f"\tserver_name {site.name or address(site)};\n\tssl_protocols {site.protocols};\n"
            f"{pairs}\t{site.settings}\n\tlocation = / {{\n\t\tdefault_type text/html;\n"
            f"\t\treturn 200 \"<!doctype html><title>{site.key}</title>"
            f"<p>This is the {site.key} site.\\n\";\n\t}}\n\tinclude @ROOT@/site.conf;\n}}\n")


def nginx_servers():
    return "\n".join(nginx_server(site) for site in SITES if not site.odd)


def odd_options():
    """The command line of lab/hosts/odd.py."""
    return [word for site in SITES if site.odd for word in (f"--{site.odd}", address(site))]
