/* SPDX-License-Identifier: Apache-2.0 */
/* Between setup.c and setup_client.c. */
#pragma once

#include <openssl/evp.h>

#include "tpsd/policy/domain.h"
#include "tpsd/session/setup.h"

/* A setup on its way. */
struct setup_making {
	struct setup *s;
	const struct tls_capability *cap;
	struct keyprov *keyprov;
	const struct setup_source *source;
	int status; /* of the first refusal */
};

/* One item of a list refused (`status` not 0) or noticed. */
void __attribute__((format(printf, 6, 7)))
setup_tell(struct setup_making *m, int status, const char *list, unsigned index, const char *remedy,
           const char *fmt, ...) SL_NONNULL(1, 3, 5, 6);

/* R52: what the library lacks is named and ignored; with nothing left the revision is refused. */
void setup_select_side(struct setup_making *m, struct setup_proxy *p, const char *side,
                       const struct config_tls_side *conf, struct tls_selection *ret)
        SL_NONNULL(1, 2, 3, 4, 5);

void setup_digest_text(EVP_MD_CTX *md, const char *text) SL_NONNULL(1, 2);
void setup_digest_selection(EVP_MD_CTX *md, const struct tls_selection *sel) SL_NONNULL(1, 2);
struct tls_context_options setup_options_of(const struct setup *s, const struct config_proxy *p)
        SL_NONNULL(1, 2);

/* Everything of client inspection; items that fail are told. The first one's code. */
int setup_make_client(struct setup_making *m) SL_NONNULL(1) SL_MUST;
void setup_free_client(struct setup *s) SL_NONNULL(1);
