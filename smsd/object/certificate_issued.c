/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which certificates in use need a CA certificate: down from it by the hash of the issuer's name,
 * so that it costs a few look-ups however many certificates there are. A chain up from what is
 * found there has the last word, since names alone say nothing.
 */
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/object/certificate_priv.h"

enum { INDEX_STEP = 256 /* rows of one write */ };

/* A certificate in use. */
struct user {
	char name[OBJECT_NAME_MAX];
	X509 *certificate;
};

struct search {
	struct reading at;
	X509 *ca;
	STACK_OF(X509) * met; /* CA certificates whose name those below it may have as issuer */
	struct user *users;
	size_t users_count, users_room;
};

static void search_fini(struct search *s)
{
	for (size_t i = 0; i < s->users_count; i++)
		X509_free(s->users[i].certificate);
	free(s->users);
	sk_X509_pop_free(s->met, X509_free);
}

static bool is_among(STACK_OF(X509) * certs, const X509 *cert)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (X509_cmp(sk_X509_value(certs, i), cert) == 0)
			return true;
	return false;
}

/* ---- another that does the same ---------------------------------------------------------- */

static bool is_valid(const X509 *cert)
{
	struct pki_validity validity;

	return pki_cert_validity(cert, moment_now_ms() / 1000, &validity) == 0 &&
	       validity.status == PKI_VALID;
}

/* Whether it leads to a root, and not through the one that goes. */
static int leads_on(const struct search *s, X509 *cert, bool *ret_rooted)
{
	struct chain chain;
	int rc = chain_find_in(&s->at, cert, &chain);

	if (rc != 0)
		return rc;
	*ret_rooted = chain.root && (cert == s->ca || (X509_cmp(chain.root, s->ca) != 0 &&
	                                               !is_among(chain.intermediates, s->ca)));
	chain_fini(&chain);
	return 0;
}

/* Renewed or cross-signed: of the same key it has issued what the other one has. */
static int is_substitute(const struct search *s, X509 *cert, bool *ret_is)
{
	bool rooted = false, was_rooted = false;
	int rc;

	*ret_is = false;
	if (X509_cmp(cert, s->ca) == 0 ||
	    X509_NAME_cmp(X509_get_subject_name(cert), X509_get_subject_name(s->ca)) != 0 ||
	    EVP_PKEY_eq(X509_get0_pubkey(cert), X509_get0_pubkey(s->ca)) != 1 ||
	    (is_valid(s->ca) && !is_valid(cert)))
		return 0;
	rc = leads_on(s, s->ca, &was_rooted);
	if (rc == 0)
		rc = leads_on(s, cert, &rooted);
	*ret_is = rooted || !was_rooted;
	return rc;
}

static int has_substitute(const struct search *s, bool *ret_has)
{
	STACK_OF(X509) * candidates;
	int rc = chain_candidates(&s->at, X509_get_subject_name(s->ca), &candidates);

	*ret_has = false;
	if (rc != 0)
		return rc;
	for (int i = 0; rc == 0 && !*ret_has && i < sk_X509_num(candidates); i++)
		rc = is_substitute(s, sk_X509_value(candidates, i), ret_has);
	sk_X509_pop_free(candidates, X509_free);
	return rc;
}

/* ---- down -------------------------------------------------------------------------------- */

static int take_user(void *arg, const struct store_row *row)
{
	struct search *s = arg;
	X509 *cert = certificate_of_body(store_row_text(row, 1));
	struct user *user;

	/* What is the same certificate needs no other to be its own root. */
	if (!cert || X509_cmp(cert, s->ca) == 0) {
		X509_free(cert);
		return 0;
	}
	if (s->users_count == s->users_room) {
		size_t room = s->users_room ? 2 * s->users_room : 16;
		struct user *users = realloc(s->users, room * sizeof(*users));

		if (!users) {
			X509_free(cert);
			return SL_ENOMEM;
		}
		s->users = users;
		s->users_room = room;
	}
	user = &s->users[s->users_count++];
	(void)snprintf(user->name, sizeof(user->name), "%s", store_row_text(row, 0));
	user->certificate = cert;
	return 0;
}

static int take_ca(void *arg, const struct store_row *row)
{
	struct search *s = arg;
	X509 *cert = certificate_of_body(store_row_text(row, 1));

	if (!cert || is_among(s->met, cert)) {
		X509_free(cert);
		return 0;
	}
	if (!sk_X509_push(s->met, cert)) {
		X509_free(cert);
		return SL_ENOMEM;
	}
	return 0;
}

static int look_below(struct search *s, const X509 *ca)
{
	struct store_value values[] = {store_integer(name_hash(X509_get_subject_name(ca))),
	                               store_text(object_kind_name(OBJECT_CERTIFICATE))};
	int rc = reading_run(&s->at, STORE_CERTIFICATE_IN_USE_BY_ISSUER, values, 2, take_user, s);

	values[1] = store_text(object_kind_name(OBJECT_CA_CERTIFICATE));
	return rc ? rc : reading_run(&s->at, STORE_CERTIFICATE_BY_ISSUER, values, 2, take_ca, s);
}

static int look(struct search *s)
{
	bool has = false;
	int rc = has_substitute(s, &has);

	if (rc != 0 || has)
		return rc;
	s->met = sk_X509_new_null();
	if (!s->met || !sk_X509_push(s->met, s->ca))
		return SL_ENOMEM;
	(void)X509_up_ref(s->ca);
	for (int i = 0; rc == 0 && i < sk_X509_num(s->met); i++)
		rc = look_below(s, sk_X509_value(s->met, i));
	return rc;
}

/* The next from `from` on whose chain has it; users_count: none. */
static int next_user(const struct search *s, size_t from, size_t *ret_at)
{
	for (; from < s->users_count; from++) {
		struct chain chain;
		int rc = chain_find_in(&s->at, s->users[from].certificate, &chain);
		bool has;

		if (rc != 0)
			return rc;
		has = is_among(chain.intermediates, s->ca) ||
		      (chain.root && X509_cmp(chain.root, s->ca) == 0);
		chain_fini(&chain);
		if (has)
			break;
	}
	*ret_at = from;
	return 0;
}

int chain_check_unused(struct store_tx *tx, X509 *ca, struct problem *problem)
{
	struct search s = {.at = {.tx = tx}, .ca = ca};
	size_t i = 0;
	int rc = look(&s);

	if (rc == 0)
		rc = next_user(&s, 0, &i);
	for (unsigned told = 0; rc == 0 && i < s.users_count && told < CHAIN_USERS_TOLD; told++) {
		(void)problem_add(problem, SL_EBUSY, "",
		                  "replace it by the one that takes its place, or give those that "
		                  "use that certificate another first",
		                  "it is in use by the chain of the certificate \"%s\"",
		                  s.users[i].name);
		rc = next_user(&s, i + 1, &i);
	}
	search_fini(&s);
	return rc ? rc : problem->code;
}

int certificate_is_needed(struct store *store, X509 *ca, bool *ret_needed)
{
	struct search s = {.at = {.store = store}, .ca = ca};
	size_t at = 0;
	int rc = look(&s);

	if (rc == 0)
		rc = next_user(&s, 0, &at);
	if (rc == 0)
		*ret_needed = at < s.users_count;
	search_fini(&s);
	return rc;
}

/* ---- what was there before issuers were kept --------------------------------------------- */

struct indexing {
	size_t count;
	struct {
		int64_t id, issuer;
	} rows[INDEX_STEP];
};

static int take_unindexed(void *arg, const struct store_row *row)
{
	struct indexing *indexing = arg;
	X509 *cert = certificate_of_body(store_row_text(row, 1));

	indexing->rows[indexing->count].id = store_row_integer(row, 0);
	indexing->rows[indexing->count++].issuer =
	        cert ? name_hash(X509_get_issuer_name(cert)) : NAME_HASH_NONE;
	X509_free(cert);
	return 0;
}

static int write_index(void *arg, struct store_tx *tx)
{
	const struct indexing *indexing = arg;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < indexing->count; i++) {
		const struct store_value values[] = {store_integer(indexing->rows[i].id),
		                                     store_integer(indexing->rows[i].issuer)};

		rc = store_tx_run(tx, STORE_KEY_SET_ISSUER, values, 2, NULL, NULL);
	}
	return rc;
}

int certificate_index(struct store *store, struct problem *problem)
{
	const struct store_value step = store_integer(INDEX_STEP);
	struct indexing indexing;
	int rc;

	do {
		indexing.count = 0;
		rc = store_read(store, STORE_KEY_WITHOUT_ISSUER, &step, 1, take_unindexed,
		                &indexing);
		if (rc == 0 && indexing.count > 0)
			rc = store_write(store, write_index, &indexing);
	} while (rc == 0 && indexing.count > 0);
	return rc ? certificate_failed(rc, problem) : 0;
}
