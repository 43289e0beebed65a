/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cipher suites and protocols: what of lib/conf's table the linked library really has
 * (the capability table, probed once by making objects and asking them back), and the selection
 * that a leg's criteria make of both (R42-R52). Any thread; read-only after the probe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/conf/config.h"
#include "lib/conf/suite.h"

struct buf;

enum { TLS_GROUPS_MAX = 12, TLS_LIST_MAX = 2048 };

struct tls_capability {
	uint32_t protocols; /* CONFIG_BIT()s of enum config_tls_protocol */
	uint64_t suites;    /* bit i: conf_suite_at(i) */
	uint32_t groups;    /* bit i: group i of tls_group_name() */
	bool compression;
};

const char *tls_group_name(size_t i);
const char *tls_protocol_name(enum config_tls_protocol protocol);

/* Probes the library; takes some milliseconds. SL_ENOMEM. */
int tls_capability_probe(struct tls_capability *ret_cap) SL_NONNULL(1) SL_MUST;

/* The capability document as JSON (R50, R54). Errors as buf_add. */
int tls_capability_json(const struct tls_capability *cap, struct buf *out) SL_NONNULL(1, 2) SL_MUST;

/* What one leg offers or accepts: criteria and capabilities combined. */
struct tls_selection {
	uint32_t protocols;           /* CONFIG_BIT()s; contiguous */
	int min_version, max_version; /* as OpenSSL numbers them, 0x0301 … 0x0304 */
	uint64_t suites;              /* bits as in tls_capability */
	uint16_t ids[CONF_SUITES_MAX];
	size_t ids_count;
	char list[TLS_LIST_MAX];    /* for SSL_CTX_set_cipher_list; "" none */
	char list13[256];           /* for SSL_CTX_set_ciphersuites; "" none */
	uint32_t missing_protocols; /* asked for, not in the library (R52) */
	uint64_t missing_suites;    /* the same, of suites */
};

/*
 * SL_EUNSUPPORTED when nothing is left (R52: the distribution fails). Protocols without any suite
 * left are dropped from the selection.
 */
int tls_select(const struct config_tls_side *side, const struct tls_capability *cap,
               struct tls_selection *ret) SL_NONNULL(1, 2, 3) SL_MUST;
