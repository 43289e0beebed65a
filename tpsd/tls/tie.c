/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/tie.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/suite.h"

enum { FALLBACK_SCSV = 0x5600, ECDSA_SECP256R1_SHA256 = 0x0403, SECP256R1 = 23, NAMES_MAX = 512 };

struct named {
	uint16_t id;
	const char *name;
};

static const struct named groups[] = {
#define GROUP(id, name) {id, name},
#define SIGALG(id, name)
#include "tpsd/tls/tie.def"
};

static const struct named sigalgs[] = {
#define GROUP(id, name)
#define SIGALG(id, name) {id, name},
#include "tpsd/tls/tie.def"
};

/* ---- the offer --------------------------------------------------------------------------- */

static uint16_t value_at(const struct clienthello_view *list, size_t i)
{
	return (uint16_t)(list->data[2 * i] << 8 | list->data[2 * i + 1]);
}

/* Rows of a table that a list of values names, each once, in the list's order. */
static uint8_t read_rows(const struct clienthello_view *list, const struct named *table,
                         size_t rows, uint8_t *ret_rows)
{
	uint8_t count = 0;

	for (size_t i = 0; i < list->len / 2; i++)
		for (size_t r = 0; r < rows; r++)
			if (table[r].id == value_at(list, i) && !memchr(ret_rows, (int)r, count))
				ret_rows[count++] = (uint8_t)r;
	return count;
}

static bool has_suite(const struct tls_offer *o, uint16_t id)
{
	for (size_t i = 0; i < o->suites_count; i++)
		if (o->suites[i] == id)
			return true;
	return false;
}

void tls_offer_read(const struct clienthello *hello, struct tls_offer *ret)
{
	_Static_assert(SL_ARRAY_LEN(groups) <= TIE_GROUPS_MAX, "rows of tie.def");
	_Static_assert(SL_ARRAY_LEN(sigalgs) <= TIE_SIGALGS_MAX, "rows of tie.def");

	/* Both enumerations count from SSL 3.0. */
	*ret = (struct tls_offer){.protocols = hello->versions};
	for (size_t i = 0; i < hello->suites.len / 2; i++) {
		uint16_t id = value_at(&hello->suites, i);

		ret->fallback |= id == FALLBACK_SCSV;
		if (ret->suites_count < TIE_SUITES_MAX && conf_suite_by_id(id) &&
		    !has_suite(ret, id))
			ret->suites[ret->suites_count++] = id;
	}
	ret->groups_count = read_rows(&hello->groups, groups, SL_ARRAY_LEN(groups), ret->groups);
	ret->sigalgs_count =
	        read_rows(&hello->sigalgs, sigalgs, SL_ARRAY_LEN(sigalgs), ret->sigalgs);
}

static bool has_row(const uint8_t *rows, size_t count, const struct named *table, uint16_t id)
{
	for (size_t i = 0; i < count; i++)
		if (table[rows[i]].id == id)
			return true;
	return false;
}

bool tls_offer_takes_ecdsa(const struct tls_offer *o, const struct tls_selection *selection,
                           int version)
{
	if (!has_row(o->sigalgs, o->sigalgs_count, sigalgs, ECDSA_SECP256R1_SHA256))
		return false;
	if (version >= TLS1_3_VERSION)
		return true;
	if (!has_row(o->groups, o->groups_count, groups, SECP256R1))
		return false;
	for (size_t i = 0; i < selection->ids_count; i++) {
		const struct conf_suite *suite = conf_suite_by_id(selection->ids[i]);

		if (suite->first < CONFIG_TLS1_3 && has_suite(o, suite->id) &&
		    suite->authentication == CONFIG_BIT(CONFIG_AUTH_ECDSA))
			return true;
	}
	return false;
}

/* ---- contexts ---------------------------------------------------------------------------- */

struct tied {
	uint8_t digest[TIE_DIGEST_LEN];
	SSL_CTX *ctx; /* NULL: a free place */
	uint64_t used;
};

struct tie_cache {
	struct tls_context_options options;
	uint64_t uses;
	struct tied entries[TIE_CONTEXTS_MAX];
};

struct tie_cache *tie_cache_create(const struct tls_context_options *options)
{
	struct tie_cache *tc = calloc(1, sizeof(*tc));

	if (tc)
		tc->options = *options;
	return tc;
}

void tie_cache_destroy(struct tie_cache *tc)
{
	if (!tc)
		return;
	for (size_t i = 0; i < TIE_CONTEXTS_MAX; i++)
		SSL_CTX_free(tc->entries[i].ctx);
	free(tc);
}

/* All names of a table fit. */
static void add_name(char *list, size_t size, const char *name)
{
	size_t len = strlen(list);

	(void)snprintf(list + len, size - len, "%s%s", len ? ":" : "", name);
}

static bool selects(const struct tls_selection *sel, uint16_t id)
{
	for (size_t i = 0; i < sel->ids_count; i++)
		if (sel->ids[i] == id)
			return true;
	return false;
}

/* OpenSSL's numbers of the versions in a set: they are a row from SSL 3.0 on. */
static int version_of(int protocol)
{
	return SSL3_VERSION + protocol;
}

/* Suites in the client's order, versions that both have and that a suite is left for.
 * SL_EMISMATCH. */
static int narrow(const struct tls_selection *sel, const struct tls_offer *o,
                  struct tls_selection *ret)
{
	uint32_t usable = 0;

	*ret = (struct tls_selection){.ids_count = 0};
	for (size_t i = 0; i < o->suites_count; i++) {
		const struct conf_suite *suite = conf_suite_by_id(o->suites[i]);

		if (!selects(sel, suite->id))
			continue;
		ret->ids[ret->ids_count++] = suite->id;
		usable |= (2u << suite->last) - (1u << suite->first);
		if (suite->first == CONFIG_TLS1_3)
			add_name(ret->list13, sizeof(ret->list13), suite->openssl);
		else
			add_name(ret->list, sizeof(ret->list), suite->openssl);
	}
	ret->protocols = sel->protocols & o->protocols & usable;
	if (!ret->protocols)
		return SL_EMISMATCH;
	/* OpenSSL takes a range: the highest run, so that nothing is offered that the client did
	 * not. */
	for (int p = CONFIG_TLS1_3; p >= 0; p--) {
		if (ret->protocols & CONFIG_BIT(p)) {
			ret->min_version = version_of(p);
			if (!ret->max_version)
				ret->max_version = version_of(p);
		} else if (ret->max_version) {
			break;
		}
	}
	return 0;
}

static bool list_names(const struct named *table, const uint8_t *rows, size_t count, char *list)
{
	list[0] = '\0';
	for (size_t i = 0; i < count; i++)
		add_name(list, NAMES_MAX, table[rows[i]].name);
	return list[0] != '\0';
}

/*
 * libssl 3.0 does not count P-256 of our own provider (accel.h) among the elliptic curves, and up
 * to TLS 1.2 a client that has no other says nothing of curves at all. So a client that offers
 * P-256 alone gets one more after it, which a server takes only when it has not P-256.
 */
static void add_another_curve(const struct tls_offer *o, char *list)
{
	if (o->groups_count == 1 && groups[o->groups[0]].id == SECP256R1)
		add_name(list, NAMES_MAX, "X25519");
}

static int make(const struct tie_cache *tc, const struct tls_offer *o,
                const struct tls_selection *sel, SSL_CTX **ret)
{
	struct tls_context_options options = tc->options;
	char list[NAMES_MAX];
	SSL_CTX *ctx;
	int rc;

	options.selection = sel;
	rc = tls_context_create_server_side(&options, &ctx);
	if (rc != 0)
		return rc;
	/* Without the extension a client takes what servers choose: OpenSSL's defaults are that. */
	list_names(groups, o->groups, o->groups_count, list);
	add_another_curve(o, list);
	if ((list[0] && !SSL_CTX_set1_groups_list(ctx, list)) ||
	    (list_names(sigalgs, o->sigalgs, o->sigalgs_count, list) &&
	     !SSL_CTX_set1_sigalgs_list(ctx, list))) {
		SSL_CTX_free(ctx);
		ERR_clear_error();
		return SL_ECRYPTO;
	}
	if (o->fallback)
		SSL_CTX_set_mode(ctx, SSL_MODE_SEND_FALLBACK_SCSV);
	*ret = ctx;
	return 0;
}

/* Of everything the context is made from. */
static int digest_of(const struct tls_offer *o, const struct tls_selection *sel,
                     uint8_t ret_digest[TIE_DIGEST_LEN])
{
	struct {
		uint32_t protocols;
		uint16_t suites[CONF_SUITES_MAX];
		uint8_t groups[TIE_GROUPS_MAX], sigalgs[TIE_SIGALGS_MAX];
		uint8_t counts[3];
		bool fallback;
	} in;

	memset(&in, 0, sizeof(in));
	in.protocols = sel->protocols;
	memcpy(in.suites, sel->ids, sel->ids_count * sizeof(sel->ids[0]));
	memcpy(in.groups, o->groups, sizeof(in.groups));
	memcpy(in.sigalgs, o->sigalgs, sizeof(in.sigalgs));
	in.counts[0] = (uint8_t)sel->ids_count;
	in.counts[1] = o->groups_count;
	in.counts[2] = o->sigalgs_count;
	in.fallback = o->fallback;
	return EVP_Digest(&in, sizeof(in), ret_digest, NULL, EVP_sha256(), NULL) ? 0 : SL_ECRYPTO;
}

int tie_cache_get(struct tie_cache *tc, const struct tls_offer *offer, SSL_CTX **ret_ctx,
                  uint8_t ret_digest[TIE_DIGEST_LEN])
{
	struct tied *place = &tc->entries[0];
	struct tls_selection sel;
	uint8_t digest[TIE_DIGEST_LEN];
	SSL_CTX *ctx;
	int rc = narrow(tc->options.selection, offer, &sel);

	if (rc == 0)
		rc = digest_of(offer, &sel, digest);
	if (rc != 0)
		return rc;
	memcpy(ret_digest, digest, sizeof(digest));
	for (size_t i = 0; i < TIE_CONTEXTS_MAX; i++) {
		struct tied *t = &tc->entries[i];

		if (t->ctx && memcmp(t->digest, digest, sizeof(digest)) == 0) {
			t->used = ++tc->uses;
			*ret_ctx = t->ctx;
			return 0;
		}
		if (!t->ctx || (place->ctx && t->used < place->used))
			place = t;
	}
	rc = make(tc, offer, &sel, &ctx);
	if (rc != 0)
		return rc;
	SSL_CTX_free(place->ctx);
	*place = (struct tied){.ctx = ctx, .used = ++tc->uses};
	memcpy(place->digest, digest, sizeof(digest));
	*ret_ctx = ctx;
	return 0;
}
