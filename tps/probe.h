/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server can do in TLS, found out by handshakes of our own (R164): versions, suites,
 * certificates, ALPN, whether it asks for a client certificate. tps only; no daemon is needed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "lib/base/attr.h"

struct probe_target {
	char host[256];
	char port[8];
	const char *sni; /* NULL: none */
};

/* "address:port", "[v6]:port", "name:port". SL_EINVAL. */
int probe_parse_target(const char *text, struct probe_target *ret) SL_NONNULL(1, 2) SL_MUST;

/*
 * {"server", "sni", "versions":[...], "suites":{version:[...]}, "certificates":[{...}], "alpn",
 * "client_certificate":bool, "modern":{"cut_off":[...]}, "proxy":YAML}. SL_ENOENT: no TLS there;
 * SL_ESYS: no connection, errno.
 */
int probe_run(const struct probe_target *target, json_t **ret_report) SL_NONNULL(1, 2) SL_MUST;
