/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session of client inspection has beyond one of server inspection: how its name was judged,
 * the client's offer, what was found of the server's chain, and the leaf forged for it. Made with
 * the session, so that sessions of servers do not carry it. Worker's thread.
 * docs/internals/client.md.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/conf/config.h"
#include "lib/pki/verify.h"
#include "tpsd/policy/domain.h"
#include "tpsd/policy/policy.h"
#include "tpsd/tls/keyhandle.h"
#include "tpsd/tls/leafcache.h"
#include "tpsd/tls/resume.h"
#include "tpsd/tls/tie.h"

struct setup_issuer;

struct outbound {
	const struct config_client_policy *policy;
	enum policy_source source;
	struct domain_verdict domain; /* by the SNI, or by the certificate */
	bool by_certificate;          /* … the certificate */
	bool not_inspected;           /* decrypted, and the name is excepted (R31) */
	struct tls_offer offer;
	enum pki_fault fault; /* of the server's chain; valid once `verified` */
	bool verified;
	uint8_t print[PKI_PRINT_LEN]; /* of the server's chain */
	/* Who signs, of the session's setup: asked once, since a successor may take over meanwhile.
	 */
	const struct setup_issuer *issuer;
	struct resume_leaf *server_leaf; /* kept with sessions to be resumed; NULL: not yet */
	struct leaf *leaf;               /* shown to the client; a reference */
	struct key_request request;      /* while one is forged */
	struct key_forge forge;
	bool asked, answered;
	int status; /* of the answer */
};
