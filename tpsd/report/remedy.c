/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons to remedies. A reason that is missing here has nothing that anyone should change. */
#include "tpsd/report/remedy.h"

#include <stddef.h>

struct remedy {
	const char *side;
	const char *text;
};

static const struct remedy remedies[REASON_END] = {
        [REASON_CLEARTEXT] = {"client",
                              "no TLS on this port: take it out of detection_ports, or set "
                              "on_failure_class: {not_tls: bypass}"},
        [REASON_SERVER_FIRST] = {"server",
                                 "a protocol in which the server speaks first: take its port "
                                 "out of detection_ports"},
        [REASON_NO_HANDSHAKE] = {"client", "raise no_handshake_timeout, or take the port out of "
                                           "detection_ports"},
        [REASON_INCOMPLETE_HELLO] = {"client", "look for packet loss towards the client; raise "
                                               "ssl_inspection.hello_timeout if it is only slow"},
        [REASON_HELLO_MALFORMED] = {"client",
                                    "not a TLS client; block its address or leave it alone "
                                    "with source_exceptions"},
        [REASON_CLIENT_VERSION] = {"client",
                                   "add the version to the proxy's client_side.protocols, or "
                                   "update the client"},
        [REASON_CLIENT_SUITE] = {"client",
                                 "preset: seed_compatible, or add what 'tps explain' shows of "
                                 "the offer to client_side"},
        [REASON_COMPRESSION] = {"client",
                                "a client that takes nothing but TLS compression: update it"},
        [REASON_SERVER_VERSION] = {"server",
                                   "add the version to server_side.protocols: 'tps probe' "
                                   "shows what the server has"},
        [REASON_SERVER_SUITE] = {"server",
                                 "add the suite's parts to server_side: 'tps probe' shows "
                                 "what the server has"},
        [REASON_CLIENT_CERTIFICATE] = {"server",
                                       "on_failure_class: {client_certificate: bypass} leaves "
                                       "such sessions alone"},
        [REASON_CLIENT_ALERT] = {"client",
                                 "the client does not trust the certificate: check its chain "
                                 "with 'tps show certificates'"},
        [REASON_SERVER_ALERT] = {"server", "look at alert_in with 'tps explain'; try 'tps probe'"},
        [REASON_CHAIN_INVALID] = {"server",
                                  "server_trust: name the trust store with the server's CA"},
        [REASON_CERTIFICATE_EXPIRED] = {"server", "renew the server's certificate"},
        [REASON_SERVER_MISMATCH] = {"server",
                                    "'tps cert replace' with the server's new certificate and "
                                    "key"},
        [REASON_NO_CERTIFICATE] = {"device", "add a certificate for this name, or name a "
                                             "default_certificate"},
        [REASON_KEYS_UNAVAILABLE] = {"device",
                                     "see 'tps show processes' and the system log: the keys "
                                     "process is away or slow"},
        [REASON_OVERLOAD] = {"device", "see 'tps show capacity': raise the limit that binds"},
        [REASON_INTERNAL] = {"device", "a fault of this device: send a 'tps support-bundle'"},
        [REASON_HANDSHAKE_TIMEOUT] = {"server", "a server or client that is slow: raise "
                                                "ssl_inspection.handshake_timeout"},
        [REASON_PROTOCOL_CLIENT] = {"client", "see alert_out with 'tps explain'"},
        [REASON_PROTOCOL_SERVER] = {"server", "see alert_out with 'tps explain'"},
        [REASON_TAKE_FAILED] = {"device", "see the system log of wire"},
        [REASON_CLEARED] = {"policy", "it was cleared by command"},
        [REASON_WORKER_LOST] = {"device", "a worker ended: send a 'tps support-bundle'"},
        [REASON_FALLBACK] = {"device",
                             "layer-2 fallback: 'tps panic status', 'tps show processes'"},
        [REASON_MIDSTREAM] = {"policy",
                              "begun before the device: it ends by itself; or set midstream: "
                              "drop"},
        [REASON_ONE_WAY] = {"policy",
                            "one direction takes another way: lead both through the device"},
        [REASON_TCP_AUTH] = {"client", "TCP MD5 or AO: add an inspection bypass rule for it"},
        [REASON_HOLD_LIMIT] = {"device", "raise limits.hold_buffer, or set on_hold_limit: release"},
        [REASON_LICENCE] = {"policy", "'tps licence show' says why"},
        [REASON_PANIC] = {"policy", "panic mode: 'tps panic clear'"},
        [REASON_HTTP2_PRIOR_KNOWLEDGE] = {"client",
                                          "http2_prior_knowledge: allow, if it must pass"},
        [REASON_RULE] = {"policy", "a filter blocked it: 'tps show log ips_block'"},
};

const char *remedy_side(enum reason reason)
{
	const char *side = (unsigned)reason < REASON_END ? remedies[reason].side : NULL;

	return side ? side : "policy";
}

const char *remedy_text(enum reason reason)
{
	const char *text = (unsigned)reason < REASON_END ? remedies[reason].text : NULL;

	return text ? text : "";
}
