/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server outside for tests of verification: www.a.test with a leaf below an intermediate below a
 * trusted root, all right as it is opened. A test then changes what it is about.
 */
#pragma once

#include <stdbool.h>

#include "lib/pki/verify.h"
#include "tests/unit/lib/pki/make.h"

struct site {
	struct pki_verify v; /* as it will be asked; leaf, chain and trust are the site's */
	X509 *root;
	X509 *middle;
	EVP_PKEY *root_key, *middle_key, *leaf_key, *other_key;
	STACK_OF(X509) * kept; /* all that is freed when it is closed */
	uint8_t *staple;
};

void site_open(struct site *s);
void site_close(struct site *s);

/* How good ones are made, to be changed and given to make_from(). */
struct make_spec site_leaf(const struct site *s);
struct make_spec site_middle(const struct site *s);
struct make_spec site_root(const struct site *s);

/* Made from a spec and freed with the site. */
X509 *site_make(struct site *s, const struct make_spec *spec);
X509 *site_keep(struct site *s, X509 *cert);

/* Another intermediate or root in place of the one there is, and a leaf below. */
void site_set_middle(struct site *s, const struct make_spec *spec);
void site_set_root(struct site *s, const struct make_spec *spec);
void site_set_leaf(struct site *s, const struct make_spec *spec);

/* What is shown behind the leaf, up to a NULL. */
void site_show(struct site *s, X509 *first, ...);

/* A trust store of these, up to a NULL. */
void site_trust(struct site *s, X509 *first, ...);
void site_trust_crl(struct site *s, X509_CRL *crl); /* takes it over */

void site_staple(struct site *s, X509 *signer, EVP_PKEY *signer_key, int status, int to_day);

enum pki_fault site_verify(const struct site *s);
