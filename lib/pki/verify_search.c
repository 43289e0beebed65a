/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL builds one path and keeps to it. Where that one has a fault, another may have none
 * (cross-signed or renewed intermediates), so each is tried, within bounds: a server outside
 * decides how many there are.
 */
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "lib/pki/verify_priv.h"

enum {
	SIGNATURES_MAX = 32, /* checked on the way */
	PATHS_MAX = 8,       /* looked at in full */
};

static bool has_fault(const struct path *path)
{
	return path->fault != PKI_FAULT_NONE;
}

struct search {
	const struct pki_verify *v;
	STACK_OF(X509) * shown;
	X509_STORE_CTX *lookup; /* finds in the trust store by name */
	STACK_OF(X509) * above; /* issuers of the path so far, not counted */
	struct path *best;
	unsigned signatures;
	unsigned paths;
};

/* The less the better; of a path that leads nowhere little is known. */
static int rank(const struct path *path)
{
	if (!has_fault(path))
		return 0;
	if (pki_fault_kind(path->fault) == PKI_KIND_EXPIRED)
		return 1;
	return path->fault == PKI_FAULT_UNKNOWN_ISSUER || path->fault == PKI_FAULT_UNTRUSTED_ROOT
	               ? 3
	               : 2;
}

/* The path is complete. True: no better one can be found. */
static bool try_path(struct search *s, X509 *root)
{
	STACK_OF(X509) *roots = sk_X509_new_null();
	struct path path;

	if (!roots || !sk_X509_push(roots, root)) {
		sk_X509_free(roots);
		return true;
	}
	path_verify(s->v, s->above, roots, &path);
	sk_X509_free(roots);
	if (rank(&path) < rank(s->best)) {
		path_fini(s->best);
		*s->best = path;
	} else {
		path_fini(&path);
	}
	return !has_fault(s->best) || --s->paths == 0;
}

static bool is_above(const struct search *s, const X509 *cert)
{
	for (int i = 0; i < sk_X509_num(s->above); i++)
		if (X509_cmp(sk_X509_value(s->above, i), cert) == 0)
			return true;
	return X509_cmp(s->v->leaf, cert) == 0;
}

static bool has_issued(struct search *s, X509 *issuer, X509 *cert)
{
	EVP_PKEY *key;

	if (s->signatures == 0 || X509_check_issued(issuer, cert) != X509_V_OK ||
	    is_above(s, issuer))
		return false;
	key = X509_get0_pubkey(issuer);
	if (!key)
		return false;
	s->signatures--;
	return X509_verify(cert, key) == 1;
}

static bool is_self_issued(const X509 *cert)
{
	return X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}

static bool search_above(struct search *s, X509 *cert);

static bool search_through(struct search *s, X509 *issuer)
{
	bool done;

	if (sk_X509_num(s->above) >= VERIFY_DEPTH_MAX || !sk_X509_push(s->above, issuer))
		return false;
	done = search_above(s, issuer);
	(void)sk_X509_pop(s->above);
	return done;
}

static bool search_trusted(struct search *s, X509 *cert)
{
	STACK_OF(X509) *certs = X509_STORE_CTX_get1_certs(s->lookup, X509_get_issuer_name(cert));
	bool done = false;

	for (int i = 0; !done && i < sk_X509_num(certs); i++) {
		X509 *issuer = sk_X509_value(certs, i);

		if (!has_issued(s, issuer, cert))
			continue;
		done = is_self_issued(issuer) ? try_path(s, issuer) : search_through(s, issuer);
	}
	sk_X509_pop_free(certs, X509_free);
	return done;
}

/* True: the search is over. */
static bool search_above(struct search *s, X509 *cert)
{
	bool done = search_trusted(s, cert);

	for (int i = 0; !done && i < sk_X509_num(s->shown); i++) {
		X509 *issuer = sk_X509_value(s->shown, i);

		if (has_issued(s, issuer, cert))
			done = search_through(s, issuer);
	}
	return done;
}

/*
 * A self-signed leaf may be trusted itself. OpenSSL looks at one certificate of its name only, and
 * appliances come with one name for all.
 */
static bool search_itself(struct search *s)
{
	STACK_OF(X509) *certs =
	        X509_STORE_CTX_get1_certs(s->lookup, X509_get_subject_name(s->v->leaf));
	bool done = false;

	for (int i = 0; !done && i < sk_X509_num(certs); i++)
		if (X509_cmp(sk_X509_value(certs, i), s->v->leaf) == 0)
			done = is_self_issued(s->v->leaf) && try_path(s, s->v->leaf);
	sk_X509_pop_free(certs, X509_free);
	return done;
}

static void search_all(const struct pki_verify *v, STACK_OF(X509) * shown, struct path *best)
{
	struct search s = {.v = v,
	                   .shown = shown,
	                   .best = best,
	                   .signatures = SIGNATURES_MAX,
	                   .paths = PATHS_MAX};

	s.above = sk_X509_new_null();
	s.lookup = X509_STORE_CTX_new();
	if (s.above && s.lookup && X509_STORE_CTX_init(s.lookup, v->trust, v->leaf, NULL))
		(void)(search_itself(&s) || search_above(&s, v->leaf));
	X509_STORE_CTX_free(s.lookup);
	sk_X509_free(s.above);
}

/* A leaf that is out of its time is so on each path. */
static bool may_be_better(const struct path *path)
{
	return has_fault(path) &&
	       !(pki_fault_kind(path->fault) == PKI_KIND_EXPIRED && path->depth == 0);
}

void path_find(const struct pki_verify *v, STACK_OF(X509) * shown, struct path *ret_path)
{
	path_verify(v, shown, NULL, ret_path);
	if (may_be_better(ret_path))
		search_all(v, shown, ret_path);
}
